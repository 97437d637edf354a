/**
 * When each target is due next: its place in the timing wheel, on instants aligned to the wall clock. It knows
 * nothing of who asks and who answers.
 */
import type { Target } from '../config/settings.js';
import type { Clock } from '../contract/clock.js';
import { LIMITS } from '../contract/limits.js';
import type { Moment } from '../supervisor/due.js';
import {
  type Before,
  NOTHING_BEFORE,
  nextShift,
  STEP_MS,
  type StoredDues,
  shiftOf,
  startOf,
} from './continuity.js';
import { nextDue, phaseOf } from './phase.js';
import { TimingWheel } from './wheel.js';

/** A target and its next instant. */
export interface Place {
  target: Target;
  readonly phase: number;
  /** The instant asked for last, epoch ms; null before the first. */
  askedAt: number | null;
  /** The instant that is waited for, epoch ms. */
  nextAt: number;
  /** It is to be looked at out of turn. */
  soon: boolean;
  /** Entries of the wheel that carry an older number are dead. */
  generation: number;
}

interface Entry {
  readonly place: Place;
  readonly generation: number;
  readonly dueAt: number;
  readonly ready: Moment;
}

/** Length of a slot of the wheel, in ms: how often `take` is worth calling. */
export const SLOT_MS = 20;
const SLOTS = 512;
/** Targets that cannot wait for their next instant are looked at at once, but no more of them a second than this. */
const LOOKS_PER_S = 500;

export class Timetable {
  private readonly places = new Map<string, Place>();
  private wheel: TimingWheel<Entry>;
  private offsetMs: number;
  /**
   * Grows by one when the wall clock steps back. Instants that come a second time are then not the same ones: a
   * result is identified by its service and its due instant, and an hour of checks would count as stored already.
   */
  private shiftMs = 0;

  /** `cycleMs` bounds how old an instant may be that is made up for. */
  constructor(
    private readonly clock: Clock,
    private readonly cycleMs: number,
  ) {
    this.offsetMs = this.wallOffset();
    this.wheel = this.newWheel();
  }

  /** Places these targets and no others, where those who asked before left off. */
  begin(targets: readonly Target[], before: Before): void {
    const now = this.clock.now();
    this.offsetMs = this.wallOffset();
    this.shiftMs = Math.max(this.shiftMs, shiftOf(targets, before.dues, now));
    this.wheel = this.newWheel();
    this.forgetOthers(targets);
    const places = targets.map((target) => this.placeOf(target));
    this.place(places, { ...before, dues: withOwn(before.dues, places, now) });
  }

  /** Makes this the list. A target that did not change keeps its place; a new one is looked at soon. */
  set(targets: readonly Target[]): void {
    this.forgetOthers(targets);
    const fresh = targets.filter((target) => !this.places.has(target.name));
    const moved = targets.filter((target) => this.isMoved(target));
    for (const target of targets) this.placeOf(target);
    this.place(
      fresh.map((target) => this.placeOf(target)),
      NOTHING_BEFORE,
    );
    for (const target of moved) this.placeNext(this.placeOf(target));
    // Dead entries go when their time comes, which may be a day off; targets may come and go much faster.
    if (this.dead > LIMITS.dead_dues.value) {
      this.wheel.keep(({ place, generation }) => generation === place.generation);
    }
  }

  /** Entries of the wheel that nobody waits for. */
  get dead(): number {
    return Math.max(0, this.wheel.size - this.places.size);
  }

  /** Instants that are stored from before a step of the clock do not come again. */
  learn(dues: StoredDues): void {
    const targets = [...this.places.values()].map((place) => place.target);
    const shiftMs = shiftOf(targets, dues, this.clock.now());
    if (shiftMs > this.shiftMs) this.placeAnew(shiftMs);
  }

  /** Looks at the wall clock; answers by how much it stepped, 0 when it did not. A step places all targets anew. */
  followClock(): number {
    const offsetMs = this.wallOffset();
    const stepMs = offsetMs - this.offsetMs;
    // A slewing clock is followed bit by bit, so that it never adds up to what looks like a step.
    this.offsetMs = offsetMs;
    if (Math.abs(stepMs) <= STEP_MS) return 0;
    this.placeAnew(stepMs < 0 ? nextShift(this.shiftMs) : this.shiftMs);
    return stepMs;
  }

  /** Takes out what is due by now, and gives each its next instant. */
  take(): { readonly place: Place; readonly dueAt: number; readonly ready: Moment }[] {
    const due: Entry[] = [];
    for (const entry of this.wheel.advance(this.clock.monotonic())) {
      if (entry.generation !== entry.place.generation) continue;
      entry.place.soon = false;
      // The wall clock may still be just short of the instant that was waited for: that one is not due again.
      this.scheduleNext(entry.place, entry.dueAt);
      due.push(entry);
    }
    return due;
  }

  get(name: string): Place | undefined {
    return this.places.get(name);
  }

  get size(): number {
    return this.places.size;
  }

  /** The wall clock that the wheel goes by, epoch ms. */
  now(): Moment {
    const monotonicMs = this.clock.monotonic();
    return { wallMs: monotonicMs + this.offsetMs, monotonicMs };
  }

  /** The soonest instant that is waited for, epoch ms; infinite without targets. */
  soonest(): number {
    let soonest = Number.POSITIVE_INFINITY;
    for (const place of this.places.values()) soonest = Math.min(soonest, place.nextAt);
    return soonest;
  }

  private placeOf(target: Target): Place {
    const known = this.places.get(target.name);
    if (known !== undefined) {
      known.target = target;
      return known;
    }
    const phase = phaseOf(target.name);
    const place: Place = { target, phase, askedAt: null, nextAt: 0, soon: false, generation: 0 };
    this.places.set(target.name, place);
    return place;
  }

  private isMoved({ name, intervalMs }: Target): boolean {
    const place = this.places.get(name);
    return place !== undefined && place.target.intervalMs !== intervalMs;
  }

  private forgetOthers(targets: readonly Target[]): void {
    const names = new Set(targets.map((target) => target.name));
    for (const [name, place] of this.places) {
      if (names.has(name)) continue;
      place.generation += 1;
      this.places.delete(name);
    }
  }

  private place(places: readonly Place[], before: Before): void {
    const nowMs = this.clock.now();
    const scene = { nowMs, shiftMs: this.shiftMs, cycleMs: this.cycleMs, before };
    const soon: { place: Place; dueAt: number | null }[] = [];
    for (const place of places) {
      const start = startOf(place.target, scene);
      place.soon = start.kind === 'soon';
      if (start.kind === 'soon') soon.push({ place, dueAt: start.dueAt });
      else this.placeNext(place, start.afterMs);
    }
    // Oldest first, so that cycles come in their order.
    soon.sort((a, b) => (a.dueAt ?? nowMs) - (b.dueAt ?? nowMs));
    soon.forEach(({ place, dueAt }, index) => {
      const lookAt = Math.round(nowMs + (index * 1000) / LOOKS_PER_S);
      place.generation += 1;
      if (lookAt >= this.nextOf(place, nowMs)) this.scheduleNext(place);
      else this.schedule(place, dueAt ?? lookAt, lookAt);
    });
  }

  private placeAnew(shiftMs: number): void {
    this.shiftMs = shiftMs;
    this.wheel = this.newWheel();
    const all = [...this.places.values()];
    for (const place of all) if (!place.soon) this.placeNext(place);
    this.place(
      all.filter((place) => place.soon),
      NOTHING_BEFORE,
    );
  }

  private placeNext(place: Place, afterMs?: number): void {
    place.generation += 1;
    this.scheduleNext(place, afterMs);
  }

  private scheduleNext(place: Place, afterMs = Number.NEGATIVE_INFINITY): void {
    const next = this.nextOf(place, Math.max(this.clock.now(), afterMs));
    this.schedule(place, next, next);
  }

  private nextOf({ target, phase }: Place, afterMs: number): number {
    return nextDue(afterMs - this.shiftMs, target.intervalMs, phase) + this.shiftMs;
  }

  private schedule(place: Place, dueAt: number, lookAt: number): void {
    place.nextAt = dueAt;
    const monotonicMs = lookAt - this.offsetMs;
    const ready = { wallMs: lookAt, monotonicMs };
    this.wheel.schedule(monotonicMs, { place, generation: place.generation, dueAt, ready });
  }

  private newWheel(): TimingWheel<Entry> {
    return new TimingWheel(SLOT_MS, SLOTS, this.clock.monotonic());
  }

  private wallOffset(): number {
    return this.clock.now() - this.clock.monotonic();
  }
}

/** What this process asked for itself may not be stored yet; of a clock that was set back since it says nothing. */
function withOwn(dues: StoredDues, places: readonly Place[], nowMs: number): StoredDues {
  const own = places.flatMap(({ target: { name }, askedAt }) => {
    if (askedAt === null || askedAt > nowMs + STEP_MS) return [];
    const stored = dues.get(name) ?? Number.NEGATIVE_INFINITY;
    return stored < askedAt || stored > nowMs + STEP_MS ? [[name, askedAt] as const] : [];
  });
  return new Map([...dues, ...own]);
}
