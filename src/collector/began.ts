import { COMMON_CODES, type CommonCode, type Result } from '../contract/result.js';
import type { Due, Moment } from '../supervisor/due.js';
import { STEP_MS } from './continuity.js';

/**
 * When a check began, on the monotonic clock. Its thread stamped it with the wall clock, which may have stepped
 * between its being handed over (`ready`) and now: the stamp is read by whichever of the two clocks puts it between
 * them. Answers when it was handed over when neither does. Pure.
 */
export function beganAt(startedAt: number, ready: Moment, now: Moment): number {
  const readings = [ready, now].map(({ wallMs, monotonicMs }) => startedAt - wallMs + monotonicMs);
  const between = readings.find((at) => at >= ready.monotonicMs - STEP_MS && at <= now.monotonicMs + STEP_MS);
  return Math.min(Math.max(between ?? ready.monotonicMs, ready.monotonicMs), now.monotonicMs);
}

/**
 * The results of one call, and when it began in monotonic ms. Should the clock have stepped between the check's
 * being due and its start, the start is told by the clock that its due instant was read from, so that the two can
 * be compared. Pure.
 */
export function onOneClock(
  { ready }: Due,
  results: readonly Result[],
  now: Moment,
): { readonly began: number; readonly results: readonly Result[] } {
  const stamped = results[0]?.startedAt ?? ready.wallMs;
  const began = beganAt(stamped, ready, now);
  const startedAt = Math.round(ready.wallMs + began - ready.monotonicMs);
  const isStepped = Math.abs(startedAt - stamped) > STEP_MS;
  return { began, results: isStepped ? results.map((result) => ({ ...result, startedAt })) : results };
}

/**
 * A failure of a check that was under way while this process stood still: its time ran out, not the target's. Pure.
 */
export function doubted(result: Result): Result {
  return unjudged(
    result,
    'probe_overrun',
    'Matrix itself stood still while this check ran; the target was not judged',
  );
}

/**
 * A failure that is only told while this process hands over: its successor may have seen the target since, and a
 * failure older than that would stand in the history without an alert. Pure.
 */
export function handedOver(result: Result): Result {
  return unjudged(result, 'interrupted', COMMON_CODES.interrupted);
}

/** A failure that says nothing of its target; anything else stays as it is. */
function unjudged(result: Result, code: CommonCode, detail: string): Result {
  if (result.verdict !== 'fail') return result;
  const { attribution: _, ...rest } = result;
  return { ...rest, verdict: 'unknown', code, detail };
}
