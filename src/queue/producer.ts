/**
 * The collector's end of the queue. Results are gathered for a moment and leave as one pg-boss job; while the
 * database is away they go to the spool and follow later, in order. The caller never waits and never fails.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch } from '../../schema/messages.js';
import { messageOf } from '../contract/errors.js';
import type { Result } from '../contract/result.js';
import { type Entry, gather, MAX_BATCH_RESULTS, resultsIn } from './batches.js';
import { QueueLink } from './link.js';
import type { Spool } from './spool.js';

/** How long results are gathered before they leave, in ms. */
const GATHER_MS = 50;
/** The same while they go to the spool, where each departure costs an fsync. */
const GATHER_SPOOL_MS = 200;
/** Pause between attempts while the database is away, in ms. */
const RETRY_MS = 500;
/** Most results held in memory when neither database nor spool takes them. */
const MAX_PENDING_RESULTS = 100_000;

export type { Entry } from './batches.js';

export interface ProducerOptions {
  readonly node: string;
  readonly spool: Spool;
  /** Hears when the queue becomes reachable (null) or not (why). */
  readonly onState: (problem: string | null) => void;
  /** Hears of results that have to wait, so that people see them meanwhile. */
  readonly onWaiting?: (results: readonly Result[]) => void;
  readonly log: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>;
}

export class Producer {
  /** Results dropped because neither database nor spool could take them. */
  dropped = 0;
  private pending: Entry[] = [];
  private pendingResults = 0;
  private wake: (() => void) | null = null;
  private readonly link = new QueueLink((problem) => this.setProblem(problem));
  private problem: string | null = 'not connected yet';
  /** What was last said of the spool, so that it is not said twice a second. */
  private spoolProblem: string | null = null;
  private lostSegments = 0;
  /** Batches of the oldest segment that are in the queue already. */
  private readonly replayed = new Set<string>();
  private closing = false;
  private readonly loops: Promise<void>[];
  private spoolUse: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: ProducerOptions) {
    this.loops = [this.ingest(), this.replay()];
  }

  /** Names the database; called again when it moved. */
  connect(url: string): void {
    this.link.connect(url);
  }

  /** Results accepted and not yet in the queue or on the spool. */
  get backlog(): number {
    return this.pendingResults;
  }

  add(entry: Entry): void {
    this.pending.push(entry);
    this.pendingResults += entry.results?.length ?? 0;
    while (this.pendingResults > MAX_PENDING_RESULTS) {
      const lost = this.pending.shift()?.results?.length ?? 0;
      this.pendingResults -= lost;
      this.dropped += lost;
    }
    this.wake?.();
  }

  /** Sends or spools what is pending, then lets go of everything. Takes about a statement's time limit, at most. */
  async close(): Promise<void> {
    this.closing = true;
    this.wake?.();
    await Promise.all(this.loops);
    await this.exclusive(() => this.options.spool.close());
    await this.link.close();
  }

  private async ingest(): Promise<void> {
    while (!(this.closing && this.pending.length === 0)) {
      if (this.pending.length === 0) await this.untilWoken();
      const spooling = !this.options.spool.empty;
      if (this.pendingResults < MAX_BATCH_RESULTS && !this.closing)
        await sleep(spooling ? GATHER_SPOOL_MS : GATHER_MS);
      const batches = gather(this.pending.splice(0), this.options.node);
      this.pendingResults = 0;
      // While something older waits on the spool, nothing may overtake it.
      const sent = this.options.spool.empty ? await this.send(batches) : 0;
      if (sent < batches.length) await this.keep(batches.slice(sent));
    }
  }

  /** Everything spooled goes to the queue, oldest first, before anything newer may. */
  private async replay(): Promise<void> {
    while (!this.closing) {
      if (this.options.spool.empty && this.link.isOpen) {
        await sleep(RETRY_MS);
        continue;
      }
      if (await this.replayOldest()) continue;
      await sleep(RETRY_MS);
    }
  }

  /** Moves the oldest segment into the queue; false when there is none or it could not be moved. */
  private async replayOldest(): Promise<boolean> {
    const { spool, log } = this.options;
    try {
      const oldest = await this.exclusive(() => spool.oldest());
      if (oldest === null) {
        await this.reconnect();
        return false;
      }
      if (oldest.batches.length === 0) {
        // Left by an append that failed, or by what made it unreadable: nothing was queued by forgetting it.
        await this.exclusive(() => oldest.forget());
        this.spoolLost(spool.lostSegments);
        return true;
      }
      const waiting = oldest.batches.filter((batch) => !this.replayed.has(batch.id));
      const sent = await this.send(waiting);
      for (const batch of waiting.slice(0, sent)) this.replayed.add(batch.id);
      if (sent < waiting.length) return false;
      await this.exclusive(() => oldest.forget());
      this.replayed.clear();
      this.spoolWorks(null);
      log.info({ event: 'spool_replayed', batches: oldest.batches.length }, 'spooled results are queued');
      return true;
    } catch (error) {
      this.spoolWorks(messageOf(error));
      return false;
    }
  }

  /**
   * Answers how many of them, from the first on, the queue took. One statement each: the queue is ordered by the
   * time of the statement, and batches of one statement would come out in any order.
   */
  private async send(batches: readonly Batch[]): Promise<number> {
    let sent = 0;
    try {
      for (const batch of batches) {
        const refusal = await this.link.insert(batch);
        if (refusal !== null) this.refused(batch, refusal);
        sent += 1;
      }
      if (sent > 0) this.setProblem(null);
    } catch (error) {
      this.setProblem(messageOf(error));
    }
    return sent;
  }

  private refused(batch: Batch, error: unknown): void {
    this.dropped += batch.results.length;
    this.options.log.warn(
      { event: 'batch_refused', results: batch.results.length, error: messageOf(error) },
      'PostgreSQL refuses a batch; it is dropped, so that it holds nothing up',
    );
  }

  private async reconnect(): Promise<void> {
    try {
      await this.link.open();
      this.setProblem(null);
    } catch (error) {
      this.setProblem(messageOf(error));
    }
  }

  private async keep(batches: readonly Batch[]): Promise<void> {
    this.options.onWaiting?.(batches.flatMap((batch) => batch.results as unknown as Result[]));
    try {
      await this.exclusive(() => this.options.spool.append(batches));
      this.spoolWorks(null);
    } catch (error) {
      this.spoolWorks(messageOf(error));
      // Back to memory, in front of what came meanwhile; `add` bounds it.
      this.pending.unshift(...(batches as readonly Entry[]));
      this.pendingResults += resultsIn(batches);
      if (this.closing) this.dropAll();
      else await sleep(RETRY_MS);
    }
  }

  private spoolWorks(problem: string | null): void {
    if (problem !== null && problem !== this.spoolProblem)
      this.options.log.warn({ event: 'spool_failed', error: problem }, 'the spool cannot be written or read');
    this.spoolProblem = problem;
  }

  private spoolLost(segments: number): void {
    if (segments > this.lostSegments)
      this.options.log.error(
        { event: 'spool_segment_lost', segments },
        'a part of the spool is gone or cannot be read; its results are lost, the rest goes on',
      );
    this.lostSegments = segments;
  }

  private dropAll(): void {
    this.dropped += this.pendingResults;
    this.pending = [];
    this.pendingResults = 0;
  }

  private setProblem(problem: string | null): void {
    if (problem === this.problem) return;
    this.problem = problem;
    this.options.onState(problem);
  }

  private exclusive<T>(use: () => Promise<T>): Promise<T> {
    const turn = this.spoolUse.then(use, use);
    this.spoolUse = turn.catch(() => undefined);
    return turn;
  }

  private untilWoken(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = () => {
        this.wake = null;
        resolve();
      };
      if (this.closing || this.pending.length > 0) this.wake();
    });
  }
}
