/** How much time a result speaks for. Pure. */
import { type Result, SELF_FAMILY } from '../contract/result.js';

const HOUR_MS = 3_600_000;
/** Longest that a check may take, in ms (the configuration's limit of `timeout_s`); beyond it a duration is an error. */
const LONGEST_CHECK_MS = 300_000;

/**
 * From the instant at which a result was due to the one at which the next check is: an interval, or several when the
 * check took longer, for then the ones in between are skipped. In ms. null for what Matrix says about itself: that is
 * said when it changes, not by a clock.
 */
export function observedMs(result: Pick<Result, 'family' | 'durationMs'>, intervalMs: number): number | null {
  if (result.family === SELF_FAMILY) return null;
  const tookMs = Math.min(result.durationMs, LONGEST_CHECK_MS);
  return intervalMs * Math.max(1, Math.ceil(tookMs / intervalMs));
}

/** The hours that a span of time touches, with the part of it in each. `fromMs` is epoch ms. */
export function byHour(fromMs: number, lengthMs: number): { readonly hourMs: number; readonly ms: number }[] {
  const parts: { hourMs: number; ms: number }[] = [];
  const endMs = fromMs + lengthMs;
  for (let hourMs = Math.floor(fromMs / HOUR_MS) * HOUR_MS; hourMs < endMs; hourMs += HOUR_MS) {
    parts.push({ hourMs, ms: Math.min(endMs, hourMs + HOUR_MS) - Math.max(fromMs, hourMs) });
  }
  return parts;
}
