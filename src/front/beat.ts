import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Beat } from '../contract/beat.js';

/** Main takes a front that is silent for a second for one that stands still. */
const BEAT_MS = 250;
const MEASURE_EVERY_BEATS = 4;

/**
 * Tells main four times a second that this process lives. `send` calls back when main has taken it: one beat at a
 * time is on its way, so that a main that reads nothing costs no memory here.
 */
export function startBeat(send: (beat: Beat, taken: () => void) => void): void {
  let beats = 0;
  let last = performance.eventLoopUtilization();
  let eventLoopUtilisation: number | null = null;
  let onItsWay = false;
  setInterval(() => {
    beats += 1;
    if (beats % MEASURE_EVERY_BEATS === 0) {
      const now = performance.eventLoopUtilization();
      eventLoopUtilisation = performance.eventLoopUtilization(now, last).utilization;
      last = now;
    }
    if (onItsWay) return;
    onItsWay = true;
    // Not `process.memoryUsage()`: that opens a file, which fails without a free descriptor.
    const heapUsedBytes = getHeapStatistics().used_heap_size;
    send({ kind: 'beat', heapUsedBytes, eventLoopUtilisation }, () => {
      onItsWay = false;
    });
  }, BEAT_MS);
}
