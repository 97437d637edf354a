/**
 * Says when which target is due. Instants are aligned to the wall clock (so that they survive restarts and two
 * machines agree), waiting is done on the monotonic clock (so that a step of the wall clock makes no storm: it
 * is noticed and every target is placed anew). A late tick is late once; missed instants are never made up for.
 */

import type { Target } from '../config/settings.js';
import type { Clock } from '../contract/clock.js';
import type { Due } from '../supervisor/due.js';
import { Cycles } from './cycles.js';
import { nextDue, phaseOf } from './phase.js';
import { TimingWheel } from './wheel.js';

export interface TickerOptions {
  readonly clock: Clock;
  readonly cycleMs: number;
  /** Hands over what is due; each is to be reported back with `answered`. */
  readonly onDue: (due: readonly Due[]) => void;
  readonly onClosed: (cycles: ReturnType<Cycles['close']>) => void;
  readonly onClockStep: (stepMs: number) => void;
}

interface Timed {
  target: Target;
  phase: number;
  /** Due instant of the check that runs; null when none does. */
  running: number | null;
  /** Entries of the wheel that carry an older number are dead. */
  generation: number;
}

interface Tick {
  readonly timed: Timed;
  readonly generation: number;
  readonly dueAt: number;
}

const SLOT_MS = 20;
const SLOTS = 512;
/** The wall clock counts as stepped when it drifts this far from the monotonic one between two ticks, in ms. */
const STEP_MS = 1_000;
/** New targets are looked at at once, but no more of them a second than this. */
const FIRST_LOOK_PER_S = 500;

export class Ticker {
  /** Checks that were not made because the one before still ran. */
  skipped = 0;
  private readonly targets = new Map<string, Timed>();
  private readonly cycles: Cycles;
  private wheel: TimingWheel<Tick>;
  private offsetMs: number;
  /**
   * Grows by one when the wall clock steps back. Instants that come a second time are then not the same ones: a
   * result is identified by its service and its due instant, and an hour of checks would count as stored already.
   */
  private shiftMs = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly options: TickerOptions) {
    this.cycles = new Cycles(options.cycleMs);
    this.offsetMs = this.wallOffset();
    this.wheel = new TimingWheel(SLOT_MS, SLOTS, options.clock.monotonic());
  }

  start(): void {
    this.timer ??= setInterval(() => this.tick(), SLOT_MS);
  }

  /** No check is due any more; those that run may still be answered. */
  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  /** Makes this the list of targets. A target that did not change keeps its place; a new one is looked at soon. */
  set(targets: readonly Target[]): void {
    const names = new Set(targets.map((target) => target.name));
    for (const [name, timed] of this.targets) {
      if (names.has(name)) continue;
      timed.generation += 1;
      this.targets.delete(name);
    }
    const fresh = targets.filter((target) => !this.targets.has(target.name));
    const spreadMs = (fresh.length / FIRST_LOOK_PER_S) * 1000;
    for (const target of targets) {
      const timed = this.targets.get(target.name);
      if (timed === undefined) this.add(target, spreadMs);
      else this.change(timed, target);
    }
  }

  get(name: string): Target | undefined {
    return this.targets.get(name)?.target;
  }

  get size(): number {
    return this.targets.size;
  }

  /** Checks that were handed over and not answered yet. */
  get running(): number {
    let count = 0;
    for (const timed of this.targets.values()) if (timed.running !== null) count += 1;
    return count;
  }

  /** Checks a target now, unless a check of it runs already; false when there is no such target. */
  checkNow(name: string): boolean {
    const timed = this.targets.get(name);
    if (timed === undefined) return false;
    if (timed.running === null) this.options.onDue([this.begin(timed, Math.round(this.options.clock.now()))]);
    return true;
  }

  /** A check that was handed over has its outcome. */
  answered(due: Due): void {
    const timed = this.targets.get(due.target.name);
    if (timed?.running === due.dueAt) timed.running = null;
    this.cycles.answered(due.dueAt);
  }

  private add(target: Target, spreadMs: number): void {
    const timed: Timed = { target, phase: phaseOf(target.name), running: null, generation: 0 };
    this.targets.set(target.name, timed);
    const firstLook = this.options.clock.now() + timed.phase * Math.min(spreadMs, target.intervalMs);
    this.schedule(timed, Math.round(firstLook));
  }

  private change(timed: Timed, target: Target): void {
    const moved = timed.target.intervalMs !== target.intervalMs;
    timed.target = target;
    if (!moved) return;
    timed.generation += 1;
    this.scheduleNext(timed);
  }

  private tick(): void {
    const { clock } = this.options;
    const now = clock.monotonic();
    const offset = this.wallOffset();
    const step = offset - this.offsetMs;
    // A slewing clock is followed tick by tick, so that it never adds up to what looks like a step.
    this.offsetMs = offset;
    if (Math.abs(step) > STEP_MS) this.realign(step);
    const due: Due[] = [];
    for (const { timed, generation, dueAt } of this.wheel.advance(now)) {
      if (generation !== timed.generation) continue;
      // The wall clock may still be just short of the instant that was waited for: that one is not due again.
      this.scheduleNext(timed, dueAt);
      if (timed.running === null) {
        due.push(this.begin(timed, dueAt));
      } else {
        this.skipped += 1;
        this.cycles.skipped(dueAt);
      }
    }
    if (due.length > 0) this.options.onDue(due);
    const closed = this.cycles.close(now + this.offsetMs);
    if (closed.length > 0) this.options.onClosed(closed);
  }

  private begin(timed: Timed, dueAt: number): Due {
    timed.running = dueAt;
    this.cycles.began(dueAt);
    return { target: timed.target, dueAt };
  }

  private scheduleNext(timed: Timed, after = Number.NEGATIVE_INFINITY): void {
    const from = Math.max(this.options.clock.now(), after);
    const { target, phase } = timed;
    this.schedule(timed, nextDue(from - this.shiftMs, target.intervalMs, phase) + this.shiftMs);
  }

  private schedule(timed: Timed, dueAt: number): void {
    this.wheel.schedule(dueAt - this.offsetMs, { timed, generation: timed.generation, dueAt });
  }

  /** After a step of the wall clock every target gets its next instant by the new time. */
  private realign(stepMs: number): void {
    if (stepMs < 0) this.shiftMs += 1;
    this.wheel = new TimingWheel(SLOT_MS, SLOTS, this.options.clock.monotonic());
    for (const timed of this.targets.values()) {
      timed.generation += 1;
      this.scheduleNext(timed);
    }
    this.options.onClockStep(stepMs);
  }

  private wallOffset(): number {
    return this.options.clock.now() - this.options.clock.monotonic();
  }
}
