/**
 * A cycle is the aligned window of the default interval. It closes when its window is over and every check due
 * in it has been answered. Pure but for the counters it holds; instants are epoch ms.
 */
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
}

export class Cycles {
  private readonly open = new Map<number, Open>();

  constructor(readonly intervalMs: number) {}

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

  /** Takes out the cycles that are over and answered, oldest first. */
  close(nowMs: number): ClosedCycle[] {
    const closed: ClosedCycle[] = [];
    for (const [ts, cycle] of this.open) {
      if (ts + this.intervalMs > nowMs || cycle.outstanding > 0) continue;
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
    const cycle: Open = { expected: 0, skipped: 0, outstanding: 0 };
    this.open.set(ts, cycle);
    return cycle;
  }
}
