/** When a growing count of drops is worth a line in the log: at the first, at each doubling, once a minute. */

const SAY_EVERY_MS = 60_000;

export class DropWatch {
  private before = 0;
  private said = 0;
  private saidAtMs = 0;

  /**
   * How many were dropped since it began, when that is to be said now; null otherwise. `total` only grows;
   * `nowMs` is monotonic.
   */
  look(total: number, nowMs: number): number | null {
    const dropped = total - this.before;
    const isNews =
      dropped > 0 &&
      (this.said === 0 ||
        dropped >= 2 * this.said ||
        (dropped > this.said && nowMs - this.saidAtMs >= SAY_EVERY_MS));
    if (!isNews) return null;
    this.said = dropped;
    this.saidAtMs = nowMs;
    return dropped;
  }

  /** It is over: what is dropped from now on is a new beginning. */
  over(total: number): void {
    this.before = total;
    this.said = 0;
  }
}

/** Says in the log that results are being dropped. */
export class DropLog {
  private readonly watch = new DropWatch();

  constructor(private readonly log: { error(fields: object, message: string): void }) {}

  /** `total` was dropped so far; `isOver` while nothing waits and everything is taken. */
  look(total: number, isOver: boolean): void {
    if (isOver) {
      this.watch.over(total);
      return;
    }
    const results = this.watch.look(total, performance.now());
    if (results === null) return;
    this.log.error(
      { event: 'results_dropped', results },
      `${results} results were dropped, routine passes first: there is no more room for what the database does not take`,
    );
  }
}
