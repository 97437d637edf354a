/**
 * Who may be in flight. A target that does not answer holds its place until its timeout, and when the uplink dies half
 * of all targets do: those that were slow last time share half of a thread's places, so that the others always find
 * one. Pure bookkeeping.
 */
import { LIMITS } from '../contract/limits.js';
import type { Due, Outcome } from './due.js';

/** A check that takes longer than this is slow, in ms: most take a hundredth of it. */
const SLOW_MS = 1_000;

export class Lanes {
  /** Targets whose last check was slow. */
  private readonly slow = new Set<string>();
  /** Slow ones in flight, by thread. */
  private readonly flying: readonly Set<Due>[];
  private readonly slowPlaces: number;

  constructor(threads: number, concurrency: number) {
    this.flying = Array.from({ length: threads }, () => new Set<Due>());
    this.slowPlaces = Math.max(1, Math.floor(concurrency / 2));
  }

  /** Takes a place in the thread of this slot; false when the due check is a slow one and its share is taken. */
  enter(slot: number, due: Due): boolean {
    if (!this.slow.has(due.target.name)) return true;
    const flying = this.flying[slot];
    if (flying === undefined || flying.size >= this.slowPlaces) return false;
    flying.add(due);
    return true;
  }

  /** These have been answered by their threads. */
  answered(outcomes: readonly Outcome[]): void {
    for (const { due, results } of outcomes) {
      for (const flying of this.flying) flying.delete(due);
      const tookMs = Math.max(0, ...results.map((result) => result.durationMs));
      if (tookMs < SLOW_MS) this.slow.delete(due.target.name);
      else if (this.slow.size < LIMITS.configured_targets.value) this.slow.add(due.target.name);
    }
  }

  /** The thread of this slot is gone, and what it held with it. */
  clear(slot: number): void {
    this.flying[slot]?.clear();
  }
}
