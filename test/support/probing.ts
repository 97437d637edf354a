import { systemClock } from '../../src/contract/clock.js';
import type { ProbeContext } from '../../src/contract/family.js';

/** A deadline that no passing test reaches, however loaded the machine. */
const AMPLE_MS = 30_000;

/** The context of one real check. With `deadlineMs` the signal aborts then, as the family's thread does it. */
export function probeContext(deadlineMs: number = AMPLE_MS, signal?: AbortSignal): ProbeContext {
  const log = { debug() {}, info() {}, warn() {} };
  return { signal: signal ?? AbortSignal.timeout(deadlineMs), deadlineMs, clock: systemClock, log };
}
