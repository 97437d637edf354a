/**
 * How a collector goes on where another one, or an earlier process, left off: worked out from the newest due
 * instants in the store. Pure.
 */
import type { Target } from '../config/settings.js';
import { beyondGrid, newestDue, phaseOf } from './phase.js';

/** Newest stored due instant of each target's own service, epoch ms, by name. */
export type StoredDues = ReadonlyMap<string, number>;

/** What is known of those who collected before. */
export interface Before {
  readonly dues: StoredDues;
  /** Epoch ms up to which every instant was asked for, as the one before said when it left; null when it did not. */
  readonly askedUntil: number | null;
}

export const NOTHING_BEFORE: Before = { dues: new Map(), askedUntil: null };

/** Clocks that differ by less are not called stepped, in ms. */
export const STEP_MS = 1_000;

/**
 * Shifts that there are, in ms from 0; the one after the last is 0 again. Few, so that an instant out of turn is
 * seldom taken for one; more than there are steps back into the same time.
 */
export const SHIFTS = 50;

/** Where a target begins. */
export type Start =
  /** Looked at soon; `dueAt` is the instant that this makes up for, null when it is due when it is looked at. */
  | { readonly kind: 'soon'; readonly dueAt: number | null }
  /** Waits for its next instant after `afterMs`. */
  | { readonly kind: 'wait'; readonly afterMs: number };

export interface Scene {
  readonly nowMs: number;
  readonly shiftMs: number;
  /** An instant that is older than this is not made up for: whatever the check says, it says of now. */
  readonly cycleMs: number;
  readonly before: Before;
}

/** Where one target begins: what nobody asked for is made up for once, what was asked for is not asked again. */
export function startOf(target: Target, { nowMs, shiftMs, cycleMs, before }: Scene): Start {
  const stored = before.dues.get(target.name);
  if (stored === undefined) return { kind: 'soon', dueAt: null };
  const newest = newestDue(nowMs - shiftMs, target.intervalMs, phaseOf(target.name)) + shiftMs;
  const soon: Start = { kind: 'soon', dueAt: nowMs - newest <= cycleMs ? newest : null };
  // The clock was set back, so nobody can tell how long it has not been looked at.
  if (stored > nowMs + STEP_MS) return soon;
  const { askedUntil } = before;
  const isCredible = askedUntil !== null && askedUntil <= nowMs + STEP_MS;
  const asked = isCredible ? Math.max(stored, askedUntil) : stored;
  return newest > asked ? soon : { kind: 'wait', afterMs: Math.max(asked, nowMs) };
}

/**
 * The shift of the instants from now on. Instants of one shift come once only while the clock does not go back:
 * so it is the shift that most stored instants have, raised until no instant of the future has it.
 */
export function shiftOf(targets: readonly Target[], dues: StoredDues, nowMs: number): number {
  const counts = new Map<number, number>();
  const ahead = new Set<number>();
  for (const { name, intervalMs } of targets) {
    const stored = dues.get(name);
    if (stored === undefined) continue;
    const shift = beyondGrid(stored, intervalMs, phaseOf(name));
    // Neither: a check out of turn, or an interval that was another one then.
    if (!Number.isInteger(shift) || shift >= SHIFTS) continue;
    counts.set(shift, (counts.get(shift) ?? 0) + 1);
    if (stored > nowMs + STEP_MS) ahead.add(shift);
  }
  let best = 0;
  for (const [shift, count] of counts) {
    const most = counts.get(best) ?? 0;
    if (count > most || (count === most && shift < best)) best = shift;
  }
  while (ahead.has(best) && ahead.size < SHIFTS) best = nextShift(best);
  return best;
}

export function nextShift(shiftMs: number): number {
  return (shiftMs + 1) % SHIFTS;
}
