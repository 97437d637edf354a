/** A ticker on a clock that the test moves. */
import { afterEach, beforeEach, mock } from 'node:test';
import type { ClosedCycle } from '../../src/collector/cycles.js';
import { Ticker } from '../../src/collector/ticker.js';
import type { Target } from '../../src/config/settings.js';
import type { Due } from '../../src/supervisor/due.js';

export const HOUR_MS = 3_600_000;

export function targetOf(name: string, intervalMs = 1_000): Target {
  return { family: 'http', name, intervalMs, timeoutMs: 5_000, overUplink: false, config: { name } };
}

export class Scene {
  monotonic = 1_000;
  wallAhead = 1_700_000_000_000;
  readonly due: (Due & { wall: number })[] = [];
  readonly cycles: ClosedCycle[] = [];
  readonly steps: number[] = [];
  /** Whether checks are answered as soon as they are asked for. */
  quick = true;
  readonly ticker: Ticker;

  constructor(cycleMs = 10_000) {
    this.ticker = new Ticker({
      clock: { now: () => Math.floor(this.wall), monotonic: () => this.monotonic },
      cycleMs,
      onDue: (due) => {
        for (const one of due) {
          this.due.push({ ...one, wall: this.wall });
          if (this.quick) this.ticker.answered(one);
        }
      },
      onClosed: (cycles) => void this.cycles.push(...cycles),
      onClockStep: (stepMs) => void this.steps.push(stepMs),
    });
  }

  get wall(): number {
    return this.monotonic + this.wallAhead;
  }

  /** Time passes with the ticker awake. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 20) {
      this.monotonic += Math.min(20, left);
      mock.timers.tick(Math.min(20, left));
    }
  }

  /** Time passes with this thread busy: then one tick, late. */
  stall(ms: number): void {
    this.monotonic += ms;
    mock.timers.tick(20);
  }

  /** Time passes for everybody, and this process is not there. */
  away(ms: number): void {
    this.monotonic += ms;
  }

  of(name: string): (Due & { wall: number })[] {
    return this.due.filter((due) => due.target.name === name);
  }
}

/** Gives every test of the file timers that move only as the test says. */
export function onOwnTimers(): void {
  beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }));
  afterEach(() => mock.timers.reset());
}

export function started(targets: readonly Target[], cycleMs?: number): Scene {
  const scene = new Scene(cycleMs);
  scene.ticker.start(targets);
  return scene;
}

/** The longest time between two checks, in ms. */
export function longestGap(due: readonly { wall: number }[]): number {
  return Math.max(...due.slice(1).map((one, index) => one.wall - (due[index]?.wall ?? 0)));
}
