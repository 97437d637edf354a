/** The producer's use of its spool: one thing at a time, and a disk that fails is told once, not at each attempt. */
import type { Batch } from '../../schema/messages.js';
import { messageOf } from '../contract/errors.js';
import type { Spool } from './spool.js';

/** Sends batches in order; answers how many of them, from the first on, were taken. */
export type Send = (batches: readonly Batch[]) => Promise<number>;

export class Spooling {
  private use: Promise<unknown> = Promise.resolve();
  private problem: string | null = null;
  private lostSegments = 0;
  /** Batches of the oldest segment that are in the queue already. */
  private readonly replayed = new Set<string>();

  constructor(
    private readonly spool: Spool,
    private readonly log: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>,
  ) {}

  get empty(): boolean {
    return this.spool.empty;
  }

  /** Puts batches on the disk; answers how many of them, from the first on, it took. */
  async keep(batches: readonly Batch[]): Promise<number> {
    let kept = 0;
    try {
      // Each by itself: what an earlier one has is not undone when a later one fails.
      for (const batch of batches) {
        await this.exclusive(() => this.spool.append([batch]));
        kept += 1;
      }
      this.works(null);
    } catch (error) {
      this.works(messageOf(error));
    }
    return kept;
  }

  /** Hands the oldest segment to `send` and forgets it; false when there is none or it was not taken whole. */
  async replayOldest(send: Send): Promise<boolean> {
    try {
      const oldest = await this.exclusive(() => this.spool.oldest());
      this.lost(this.spool.lostSegments);
      if (oldest === null) return false;
      const waiting = oldest.batches.filter((batch) => !this.replayed.has(batch.id));
      const sent = await send(waiting);
      for (const batch of waiting.slice(0, sent)) this.replayed.add(batch.id);
      if (sent < waiting.length) return false;
      await this.exclusive(() => oldest.forget());
      this.replayed.clear();
      this.works(null);
      if (waiting.length > 0)
        this.log.info(
          { event: 'spool_replayed', batches: oldest.batches.length },
          'spooled results are queued',
        );
      return true;
    } catch (error) {
      this.works(messageOf(error));
      return false;
    }
  }

  async close(): Promise<void> {
    await this.exclusive(() => this.spool.close());
  }

  private works(problem: string | null): void {
    if (problem !== null && problem !== this.problem)
      this.log.warn({ event: 'spool_failed', error: problem }, 'the spool cannot be written or read');
    this.problem = problem;
  }

  private lost(segments: number): void {
    if (segments > this.lostSegments)
      this.log.error(
        { event: 'spool_segment_lost', segments },
        'a part of the spool is gone or cannot be read; its results are lost, the rest goes on',
      );
    this.lostSegments = segments;
  }

  private exclusive<T>(use: () => Promise<T>): Promise<T> {
    const turn = this.use.then(use, use);
    this.use = turn.catch(() => undefined);
    return turn;
  }
}
