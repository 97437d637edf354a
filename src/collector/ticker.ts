/**
 * Says when which target is due. Instants are aligned to the wall clock (so that they survive restarts and two
 * machines agree), waiting is done on the monotonic clock (so that a step of the wall clock makes no storm: it
 * is noticed and every target is placed anew). A late tick is late once; missed instants are never made up for,
 * but for the newest one of each target that nobody asked for while the collector changed (ADR 0009).
 */

import type { Target } from '../config/settings.js';
import type { Clock } from '../contract/clock.js';
import type { Due, Moment } from '../supervisor/due.js';
import { type Before, NOTHING_BEFORE, type StoredDues } from './continuity.js';
import { Cycles } from './cycles.js';
import { type Place, SLOT_MS, Timetable } from './timetable.js';

export interface TickerOptions {
  readonly clock: Clock;
  readonly cycleMs: number;
  /** Hands over what is due; each is to be reported back with `answered`. */
  readonly onDue: (due: readonly Due[]) => void;
  readonly onClosed: (cycles: ReturnType<Cycles['close']>) => void;
  readonly onClockStep: (stepMs: number) => void;
}

/** A thread that stood still for this long may have lost more than time: another process may collect by now, in ms. */
const STILL_MS = 5_000;
/** Time to hear of that before anything is asked for, in ms. */
const HEARING_MS = 500;
/** The writer itself closes cycles that were left open longer than this, in ms beyond their window. */
const ADOPT_MS = 60_000;

export class Ticker {
  /** Checks that were not made because the one before still ran. */
  skipped = 0;
  private readonly timetable: Timetable;
  private readonly cycles: Cycles;
  /** Checks handed over and not answered, by target. */
  private readonly runs = new Map<string, Due>();
  private timer: NodeJS.Timeout | null = null;
  private tickedAt = 0;
  /** End of the newest standstill, monotonic ms. */
  private movesSince = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: TickerOptions) {
    this.cycles = new Cycles(options.cycleMs);
    this.timetable = new Timetable(options.clock, options.cycleMs);
  }

  /** Begins to ask for these targets, where those who asked before left off. */
  start(targets: readonly Target[], before: Before = NOTHING_BEFORE): void {
    if (this.timer !== null) return;
    this.timetable.begin(targets, before);
    this.adoptCycle(before.dues);
    this.tickedAt = this.options.clock.monotonic();
    this.timer = setInterval(() => this.tick(), SLOT_MS);
  }

  /**
   * Asks for nothing any more; what runs may still be answered, and its cycles close with that. Answers the epoch
   * ms up to which every instant was asked for; null when none was.
   */
  stop(): number | null {
    if (this.timer === null) return null;
    clearInterval(this.timer);
    this.timer = null;
    this.cycles.end();
    this.closeCycles();
    const soonest = this.timetable.soonest();
    return Number.isFinite(soonest) ? Math.min(soonest - 1, this.options.clock.now()) : null;
  }

  /** Makes this the list of targets. A target that did not change keeps its place; a new one is looked at soon. */
  set(targets: readonly Target[]): void {
    this.timetable.set(targets);
  }

  /** Hears what is stored after it began without knowing. */
  learn(dues: StoredDues): void {
    this.timetable.learn(dues);
  }

  get(name: string): Target | undefined {
    return this.timetable.get(name)?.target;
  }

  get size(): number {
    return this.timetable.size;
  }

  /** Checks that were handed over and not answered yet. */
  get running(): number {
    return this.runs.size;
  }

  /** Instants in the timing wheel that nobody waits for any more. */
  get deadDues(): number {
    return this.timetable.dead;
  }

  /** Cycles that have begun and are not closed. */
  get openCycles(): number {
    return this.cycles.size;
  }

  /** The present on both clocks, as instants are made from it. */
  now(): Moment {
    return this.timetable.now();
  }

  /** Whether this thread stood still for long at some time after that moment. */
  stoodStillSince({ monotonicMs }: Moment): boolean {
    const isStill = this.timer !== null && this.options.clock.monotonic() - this.tickedAt > STILL_MS;
    return isStill || this.movesSince > monotonicMs;
  }

  /** Checks a target now, unless a check of it runs already; false when there is no such target to ask. */
  checkNow(name: string): boolean {
    const place = this.timetable.get(name);
    if (place === undefined || this.timer === null) return false;
    const ready = this.timetable.now();
    if (!this.runs.has(name)) this.options.onDue([this.begin(place, Math.round(ready.wallMs), ready)]);
    return true;
  }

  /** A check that was handed over has its outcome. */
  answered(due: Due): void {
    const { name } = due.target;
    if (this.runs.get(name)?.dueAt === due.dueAt) this.runs.delete(name);
    this.cycles.answered(due.dueAt);
    if (this.timer === null) this.closeCycles();
  }

  private tick(): void {
    const now = this.options.clock.monotonic();
    if (now - this.tickedAt > STILL_MS) this.movesSince = now;
    this.tickedAt = now;
    const stepMs = this.timetable.followClock();
    if (stepMs !== 0) {
      // Windows that lie ahead now would stay open until they come again.
      this.cycles.end();
      this.options.onClockStep(stepMs);
    }
    if (now < this.movesSince + HEARING_MS) return;
    const due: Due[] = [];
    for (const { place, dueAt, ready } of this.timetable.take()) {
      if (this.runs.has(place.target.name)) {
        this.skipped += 1;
        this.cycles.skipped(dueAt);
      } else {
        due.push(this.begin(place, dueAt, ready));
      }
    }
    if (due.length > 0) this.options.onDue(due);
    this.closeCycles();
  }

  private begin(place: Place, dueAt: number, ready: Moment): Due {
    const due = { target: place.target, dueAt, ready };
    this.runs.set(place.target.name, due);
    place.askedAt = dueAt;
    this.cycles.began(dueAt);
    return due;
  }

  private closeCycles(): void {
    const closed = this.cycles.close(this.timetable.now().wallMs);
    if (closed.length > 0) this.options.onClosed(closed);
  }

  /** The cycle in which the one before left: nobody else closes it. */
  private adoptCycle(dues: StoredDues): void {
    const now = this.options.clock.now();
    let newest = Number.NEGATIVE_INFINITY;
    for (const dueAt of dues.values()) if (dueAt <= now) newest = Math.max(newest, dueAt);
    if (now - newest < this.options.cycleMs + ADOPT_MS) this.cycles.adopt(newest);
  }
}
