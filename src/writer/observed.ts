/** How much time a result speaks for. Pure. */
import { type Result, SELF_FAMILY } from '../contract/result.js';
import { LONGEST_CHECK_MS, ON_TIME_MS } from '../store/history.js';

const HOUR_MS = 3_600_000;

type Timed = Pick<Result, 'family' | 'dueAt' | 'startedAt' | 'durationMs'>;

/** How late a check began, in ms; 0 when it was on time. */
function lateMs({ dueAt, startedAt }: Timed): number {
  return startedAt - dueAt > ON_TIME_MS ? startedAt - dueAt : 0;
}

/** The instant from which a result speaks, epoch ms: when its check was due, or when it began if that was late. */
export const observedFrom = (result: Timed): number => result.dueAt + lateMs(result);

/**
 * How long a result speaks, in ms: from its beginning to when the next check is due. That is an interval on when it was
 * due itself, or several when it was not done by then, for the ones in between are skipped. null for what Matrix says
 * about itself: that is said when it changes, not by a clock.
 */
export function observedMs(result: Timed, intervalMs: number): number | null {
  if (result.family === SELF_FAMILY) return null;
  const late = lateMs(result);
  const doneMs = late + Math.min(result.durationMs, LONGEST_CHECK_MS);
  return Math.round(intervalMs * Math.max(1, Math.ceil(doneMs / intervalMs)) - late);
}

/** The hours that a span of time touches, with the part of it in each. `fromMs` is epoch ms. */
export function byHour(fromMs: number, lengthMs: number): { readonly hourMs: number; readonly ms: number }[] {
  const parts: { hourMs: number; ms: number }[] = [];
  // Whole ms, as in the store: the hours must add up to what the results say.
  const startMs = Math.round(fromMs);
  const endMs = startMs + lengthMs;
  for (let hourMs = Math.floor(startMs / HOUR_MS) * HOUR_MS; hourMs < endMs; hourMs += HOUR_MS) {
    parts.push({ hourMs, ms: Math.min(endMs, hourMs + HOUR_MS) - Math.max(startMs, hourMs) });
  }
  return parts;
}
