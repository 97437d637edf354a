/**
 * One look at every child's signs of life, four times a second, from the main thread: whose number does not change
 * for a second stands still, whose does not for much longer hangs. Seeing is not killing: what follows is the
 * caller's to say. See ADR 0008.
 */
import type { Clock } from '../contract/clock.js';

const LOOK_MS = 250;
/** So many looks in a row without a sign, and a child stands still: a second, or a little more on a busy machine. */
const STALLED_LOOKS = 4;
/** A look that comes later than this says something about the main thread and nothing about the children, in ms. */
const LATE_MS = 500;

export interface Watched {
  /** A number that changes while the child lives; 0 before its first sign, and nothing is said of it until then. */
  readonly beats: () => number;
  /** Beyond this long without a sign, in ms, and after a second look, the child is said to hang. */
  readonly hangMs: number;
  readonly onStalled: (forMs: number) => void;
  readonly onRecovered: (forMs: number) => void;
  /** Said again at each look. */
  readonly onHung: () => void;
}

export interface Watching {
  /** How long it has stood still, in ms; null while it moves. */
  readonly stalledMs: number | null;
  end(): void;
}

export interface WatchOptions {
  readonly clock: Clock;
  /** The main thread stood still for so long beyond its turn. */
  readonly onMainStalled: (forMs: number) => void;
}

export class Watch {
  private readonly entries = new Set<Entry>();
  private timer: NodeJS.Timeout | null = null;
  private lookedAt: number;

  constructor(private readonly options: WatchOptions) {
    this.lookedAt = options.clock.monotonic();
  }

  start(): void {
    this.lookedAt = this.options.clock.monotonic();
    this.timer ??= setInterval(() => this.look(), LOOK_MS);
    this.timer.unref();
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  /** Children that are watched now. */
  get size(): number {
    return this.entries.size;
  }

  add(watched: Watched): Watching {
    const entry = new Entry(watched, this.options.clock.monotonic());
    this.entries.add(entry);
    return {
      get stalledMs() {
        return entry.stalledMs;
      },
      end: () => void this.entries.delete(entry),
    };
  }

  private look(): void {
    const now = this.options.clock.monotonic();
    const elapsedMs = now - this.lookedAt;
    this.lookedAt = now;
    const late = elapsedMs - LOOK_MS > LATE_MS;
    if (late) this.options.onMainStalled(elapsedMs - LOOK_MS);
    // One that is told to end by what it hears of another is left out from then on.
    for (const entry of this.entries) entry.look(now, late ? elapsedMs : 0);
  }
}

class Entry {
  stalledMs: number | null = null;
  private seen: number;
  private looks = 0;
  private overdue = false;

  constructor(
    private readonly watched: Watched,
    private changedAt: number,
  ) {
    this.seen = watched.beats();
  }

  /** `absentMs`: how long the main thread was away. It does not count, since signs may still be on their way. */
  look(now: number, absentMs: number): void {
    const beats = this.watched.beats();
    if (beats === 0 || beats !== this.seen) this.moved(now, beats);
    else if (absentMs > 0) this.changedAt += absentMs;
    else this.still(now - this.changedAt);
  }

  private moved(now: number, beats: number): void {
    const forMs = now - this.changedAt;
    const stalled = this.stalledMs !== null;
    this.seen = beats;
    this.changedAt = now;
    this.looks = 0;
    this.overdue = false;
    this.stalledMs = null;
    if (stalled) this.watched.onRecovered(forMs);
  }

  private still(forMs: number): void {
    this.looks += 1;
    if (this.looks < STALLED_LOOKS) return;
    const first = this.stalledMs === null;
    this.stalledMs = forMs;
    if (first) this.watched.onStalled(forMs);
    const overdue = forMs >= this.watched.hangMs;
    if (overdue && this.overdue) this.watched.onHung();
    this.overdue = overdue;
  }
}
