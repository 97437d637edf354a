/** When the restarts of the current window happened, oldest first, in monotonic ms. */
export type Stamps = readonly number[];

/**
 * OTP's `add_restart` (supervisor.erl): drops stamps older than the period, adds this restart, and says whether
 * more than `intensity` remain, in which case the budget is spent. Pure.
 */
export function addRestart(
  stamps: Stamps,
  nowMs: number,
  budget: { readonly intensity: number; readonly periodMs: number },
): { readonly stamps: Stamps; readonly exhausted: boolean } {
  const kept = [...inWindow(stamps, nowMs, budget.periodMs), nowMs];
  return { stamps: kept, exhausted: kept.length > budget.intensity };
}

/** The stamps that still count at `nowMs`. */
export function inWindow(stamps: Stamps, nowMs: number, periodMs: number): Stamps {
  return stamps.filter((stamp) => nowMs - stamp <= periodMs);
}
