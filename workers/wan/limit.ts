import type { ProbeContext } from '../../src/contract/family.js';
import type { Finding, Verdict } from '../../src/contract/result.js';

/** The time that one check has, shared by its three probes. */
export interface Limit {
  /** Aborts when the time is up, or when the check is called off. */
  readonly signal: AbortSignal;
  /** Whether it aborted because the check was called off, which says nothing about the uplink. */
  calledOff(): boolean;
  remainingMs(): number;
}

/** Ends a little before the deadline, so that the findings are ready when it comes. */
export function limitOf(context: ProbeContext): Limit {
  const { clock, deadlineMs } = context;
  const endsAt = clock.monotonic() + deadlineMs - Math.min(250, deadlineMs * 0.1);
  const tooLate = AbortSignal.timeout(Math.max(1, Math.floor(endsAt - clock.monotonic())));
  return {
    signal: AbortSignal.any([context.signal, tooLate]),
    calledOff: () => context.signal.aborted && !tooLate.aborted,
    remainingMs: () => Math.max(0, endsAt - clock.monotonic()),
  };
}

/** The finding of a probe that the limit ended: `code` and `detail` if the time was up. */
export function notInTime(limit: Limit, code: string, detail: string, verdict: Verdict = 'unknown'): Finding {
  if (!limit.calledOff()) return { verdict, code, detail };
  return { verdict: 'unknown', code: 'cancelled', detail: 'the check was cut off: Matrix is stopping' };
}
