/**
 * A thread's signs of life, in memory that it shares with the main thread: a number that it raises four times a
 * second, and the size of its heap. Nothing is sent, so nothing queues up behind a main thread that is late, and a
 * look costs nothing. See ADR 0008.
 */
import { getHeapStatistics } from 'node:v8';

/** [beats, heap in KiB] */
export type Pulse = Int32Array<SharedArrayBuffer>;

const BEATS = 0;
const HEAP_KIB = 1;
const KIB = 1024;

const BEAT_MS = 250;
const HEAP_EVERY_BEATS = 4;

export function makePulse(): Pulse {
  return new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
}

/** The thread's side: beats from now on, as long as its event loop turns. It does not keep the thread alive. */
export function startPulse(pulse: Pulse): void {
  let beats = 0;
  const beat = (): void => {
    // Not `process.memoryUsage()`: that opens a file, which fails without a free descriptor.
    if (beats % HEAP_EVERY_BEATS === 0) {
      Atomics.store(pulse, HEAP_KIB, Math.round(getHeapStatistics().used_heap_size / KIB));
    }
    beats += 1;
    Atomics.add(pulse, BEATS, 1);
  };
  beat();
  setInterval(beat, BEAT_MS).unref();
}

/** The main thread's side. */
export function beatsOf(pulse: Pulse): number {
  return Atomics.load(pulse, BEATS);
}

/** null before the first beat. */
export function heapBytesOf(pulse: Pulse): number | null {
  return beatsOf(pulse) === 0 ? null : Atomics.load(pulse, HEAP_KIB) * KIB;
}
