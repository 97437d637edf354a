/** What a child's ends have cost so far: its restart window, and how long the pauses have grown. No timers. */
import type { Clock } from '../contract/clock.js';
import type { NodeState } from '../contract/tree.js';
import { type Backoff, type ChildSpec, pauseMs } from './child-spec.js';
import { addRestart, inWindow, type Stamps } from './restart-window.js';

/** The longest a `failed` child waits for its next try, in ms. */
const MAX_FAILED_PAUSE_MS = 600_000;
const FAILED_PAUSE_MS = 5_000;

export interface BudgetOptions {
  readonly spec: ChildSpec;
  readonly clock: Clock;
  /** First pause of a failed child, in ms; doubles up to ten minutes. Default 5,000. */
  readonly failedPauseMs?: number | undefined;
  /** In [0, 1); default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

export class Budget {
  private stamps: Stamps = [];
  private total = 0;
  private inARow = 0;
  private failures = 0;
  private readonly failedPause: Backoff;
  private readonly random: () => number;

  constructor(private readonly options: BudgetOptions) {
    const initialMs = options.failedPauseMs ?? FAILED_PAUSE_MS;
    this.failedPause = { initialMs, maxMs: MAX_FAILED_PAUSE_MS, factor: 2, jitter: 0.2 };
    this.random = options.random ?? Math.random;
  }

  /** Restarts that still count. */
  get inWindow(): number {
    return inWindow(this.stamps, this.options.clock.monotonic(), this.options.spec.periodMs).length;
  }

  /** The child ended after `ranMs`: how long it waits now, in ms, or that the budget is spent. */
  spend(ranMs: number): { readonly exhausted: boolean; readonly pauseMs: number } {
    const { spec, clock } = this.options;
    // A child that ran for a whole period has earned a short pause and a forgiving `failed` again.
    if (ranMs > spec.periodMs) this.forgive();
    const window = addRestart(this.stamps, clock.monotonic(), spec);
    this.stamps = window.stamps;
    if (window.exhausted) {
      this.failures += 1;
      return { exhausted: true, pauseMs: pauseMs(this.failedPause, this.failures, this.random()) };
    }
    this.inARow += 1;
    return { exhausted: false, pauseMs: pauseMs(spec.backoff, this.inARow, this.random()) };
  }

  /** One more start than the first. */
  count(): void {
    this.total += 1;
  }

  /** Pauses are short again. The window goes on remembering: a child that crashes on is soon failed again. */
  forgive(): void {
    this.inARow = 0;
    this.failures = 0;
  }

  node(): NodeState['restarts'] {
    const { intensity, periodMs } = this.options.spec;
    return { total: this.total, inWindow: this.inWindow, intensity, periodMs };
  }
}
