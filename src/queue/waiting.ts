/**
 * Results in memory, on their way to the queue or the spool. Bounded: when neither takes them the oldest routine
 * passes go first, then the oldest batches, and every drop is counted. A batch keeps its id until it is taken.
 */
import type { Batch } from '../../schema/messages.js';
import { LIMITS } from '../contract/limits.js';
import { type Entry, gather, resultsIn } from './batches.js';
import { declarationOf, withoutRoutine } from './routine.js';

/** Room that is made at once when the limit is reached, as a share of it: making room is not for every entry. */
const ROOM_SHARE = 0.1;
/** Batches that are looked at together for what is routine in them. */
const STRIP_BATCHES = 20;

export class Waiting {
  /** Results dropped because nothing took them. */
  dropped = 0;
  /** Results that wait, those on their way included. */
  results = 0;
  private entries: Entry[] = [];
  private batches: Batch[] = [];
  private readonly stripped = new WeakSet<Batch>();

  constructor(
    private readonly node: string,
    private readonly maxResults: number = LIMITS.pending_results.value,
  ) {}

  /** Whether nothing waits to be taken; what was taken and not yet done may still come back. */
  get empty(): boolean {
    return this.entries.length === 0 && this.batches.length === 0;
  }

  add(entry: Entry): void {
    this.entries.push(entry);
    this.results += entry.results?.length ?? 0;
    if (this.results > this.maxResults) this.makeRoom();
  }

  /** Takes up to `count` batches, oldest first. What is not `done` is to be put back. */
  take(count: number): Batch[] {
    this.gather();
    return this.batches.splice(0, count);
  }

  /** These are in the queue or on the spool. */
  done(batches: readonly Batch[]): void {
    this.results -= resultsIn(batches);
  }

  /** These were taken and nobody took them: they come first again. */
  putBack(batches: readonly Batch[]): void {
    this.batches = [...batches, ...this.batches];
    if (this.results > this.maxResults) this.makeRoom();
  }

  /** Gives everything up that waits. */
  dropAll(): void {
    this.lose(resultsIn(this.take(Number.POSITIVE_INFINITY)));
  }

  private gather(): void {
    this.batches.push(...gather(this.entries.splice(0), this.node));
  }

  private makeRoom(): void {
    const target = this.maxResults * (1 - ROOM_SHARE);
    this.gather();
    for (let at = 0; at < this.batches.length && this.results > target; at += STRIP_BATCHES) {
      this.strip(at);
    }
    while (this.results > target && this.batches.length > 1) this.dropOldest();
  }

  private strip(at: number): void {
    const group = this.batches.slice(at, at + STRIP_BATCHES).filter((batch) => !this.stripped.has(batch));
    if (group.length === 0) return;
    const kept = withoutRoutine(group);
    for (const batch of kept) this.stripped.add(batch);
    const replaced = new Map(group.map((batch, index) => [batch, kept[index] ?? batch]));
    this.batches = this.batches.map((batch) => replaced.get(batch) ?? batch);
    this.lose(resultsIn(group) - resultsIn(kept));
  }

  /** What later batches need to be understood moves to the next one. */
  private dropOldest(): void {
    const [oldest, next, ...rest] = this.batches;
    if (oldest === undefined || next === undefined) return;
    this.lose(oldest.results.length);
    const declare = next.declare ?? declarationOf([oldest])?.declare;
    this.batches = [declare === undefined ? next : { ...next, declare }, ...rest];
  }

  private lose(results: number): void {
    this.dropped += results;
    this.results -= results;
  }
}
