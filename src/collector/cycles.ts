/**
 * A cycle is the aligned window of the default interval. It closes when its window is over and every check due
 * in it has been answered. Pure but for the counters it holds; instants are epoch ms.
 */
import { LIMITS } from '../contract/limits.js';

export interface ClosedCycle {
  readonly ts: number;
  readonly intervalMs: number;
  /** Checks that were due in the window. */
  readonly expected: number;
  /** Of those, the ones that were not made because the one before still ran. */
  readonly skipped: number;
}

interface Open {
  expected: number;
  skipped: number;
  outstanding: number;
  /** The window ended by a step of the clock or a change of the collector, whatever the clock says now. */
  over: boolean;
}

export class Cycles {
  private readonly open = new Map<number, Open>();

  constructor(readonly intervalMs: number) {}

  /** Cycles that have begun and are not closed. */
  get size(): number {
    return this.open.size;
  }

  /** A check is handed over. */
  began(dueAt: number): void {
    const cycle = this.of(dueAt);
    cycle.expected += 1;
    cycle.outstanding += 1;
  }

  /** A check was due, but its predecessor still ran. */
  skipped(dueAt: number): void {
    const cycle = this.of(dueAt);
    cycle.expected += 1;
    cycle.skipped += 1;
  }

  /** A check that `began` has been answered. */
  answered(dueAt: number): void {
    const cycle = this.open.get(this.start(dueAt));
    if (cycle !== undefined) cycle.outstanding = Math.max(0, cycle.outstanding - 1);
  }

  /** Takes over the cycle of an instant that another collector left open: it will be closed as well. */
  adopt(dueAt: number): void {
    this.of(dueAt);
  }

  /** No further check comes into the cycles that are open: they close as soon as what was asked is answered. */
  end(): void {
    for (const cycle of this.open.values()) cycle.over = true;
  }

  /** Takes out the cycles that are over and answered, and the oldest ones beyond the limit; oldest first. */
  close(nowMs: number): ClosedCycle[] {
    const closed: ClosedCycle[] = [];
    let excess = this.open.size - LIMITS.open_cycles.value;
    for (const [ts, cycle] of this.open) {
      excess -= 1;
      const isOver = cycle.over || ts + this.intervalMs <= nowMs;
      if (excess < 0 && (!isOver || cycle.outstanding > 0)) continue;
      this.open.delete(ts);
      closed.push({ ts, intervalMs: this.intervalMs, expected: cycle.expected, skipped: cycle.skipped });
    }
    return closed.sort((a, b) => a.ts - b.ts);
  }

  private start(atMs: number): number {
    return Math.floor(atMs / this.intervalMs) * this.intervalMs;
  }

  private of(dueAt: number): Open {
    const ts = this.start(dueAt);
    const known = this.open.get(ts);
    if (known !== undefined) return known;
    const cycle: Open = { expected: 0, skipped: 0, outstanding: 0, over: false };
    this.open.set(ts, cycle);
    return cycle;
  }
}
