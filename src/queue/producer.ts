/**
 * The collector's end of the queue. Results are gathered for a moment and leave as one pg-boss job; while the
 * database is away they go to the spool and follow later, in order. The caller never waits and never fails.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch } from '../../schema/messages.js';
import { messageOf } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';
import type { Result } from '../contract/result.js';
import { type Entry, resultsIn } from './batches.js';
import type { ProducerCounts } from './counts.js';
import { Depth, type DepthLimits } from './depth.js';
import { DropLog } from './drops.js';
import { QueueLink } from './link.js';
import type { Spool } from './spool.js';
import { Spooling } from './spooling.js';
import { Waiting } from './waiting.js';

/** How long results are gathered before they leave, in ms. */
const GATHER_MS = 50;
/** The same while they go to the spool, where each departure costs an fsync. */
const GATHER_SPOOL_MS = 200;
/** Pause between attempts while the database is away, in ms. */
const RETRY_MS = 500;
/** Pause between looks at how much waits in the queue, in ms. */
const DEPTH_MS = 10_000;
/** The same while too much waits. */
const DEPTH_FULL_MS = 2_000;
/** Batches that leave memory together: what is on its way cannot be given up for something newer. */
const TAKE_BATCHES = 20;

export type { Entry } from './batches.js';
export type { ProducerCounts } from './counts.js';

export interface ProducerOptions {
  readonly node: string;
  readonly spool: Spool;
  /** Hears when the queue takes results (null) or not (why). */
  readonly onState: (problem: string | null) => void;
  /** Hears of results that have to wait, so that people see them meanwhile. */
  readonly onWaiting?: (results: readonly Result[]) => void;
  readonly log: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>;
  readonly depthLimits?: DepthLimits;
  readonly depthMs?: number;
}

export class Producer {
  /** Jobs removed from the queues because there were too many, by queue. */
  readonly trimmed: ReadonlyMap<string, number>;
  private readonly waiting: Waiting;
  private readonly depth: Depth;
  private readonly spooling: Spooling;
  private readonly drops: DropLog;
  private readonly link = new QueueLink((problem) => this.setProblem(problem));
  private wake: (() => void) | null = null;
  private problem: string | null = 'not connected yet';
  private refusedResults = 0;
  private waited: number;
  /** Batches that were said to wait. */
  private readonly told = new WeakSet<Batch>();
  private readonly closer = new AbortController();
  private readonly loops: Promise<void>[];

  constructor(private readonly options: ProducerOptions) {
    this.waiting = new Waiting(options.node);
    this.depth = new Depth(options.log, options.depthLimits);
    this.trimmed = this.depth.trimmed;
    this.spooling = new Spooling(options.spool, options.log);
    this.drops = new DropLog(options.log);
    this.waited = options.spool.results;
    this.loops = [this.ingest(), this.replay(), this.watch()];
  }

  /** Names the database; called again when it moved. */
  connect(url: string): void {
    this.link.connect(url);
  }

  /** Results accepted and not yet in the queue or on the spool. */
  get backlog(): number {
    return this.waiting.results;
  }

  /** Results dropped because neither database nor spool could take them; the spool counts its own. */
  get dropped(): number {
    return this.waiting.dropped + this.refusedResults;
  }

  get counts(): ProducerCounts {
    const { spool } = this.options;
    return {
      inMemory: this.backlog,
      onSpool: spool.results,
      spoolBytes: spool.bytes,
      spoolMaxBytes: spool.maxBytes,
      waited: this.waited,
      dropped: this.dropped + spool.droppedResults,
    };
  }

  add(entry: Entry): void {
    this.waiting.add(entry);
    this.wake?.();
  }

  /** Sends or spools what is pending, then lets go of everything. Takes about a statement's time limit, at most. */
  async close(): Promise<void> {
    this.closer.abort();
    this.wake?.();
    await Promise.all(this.loops);
    await this.spooling.close();
    await this.link.close();
  }

  private get closing(): boolean {
    return this.closer.signal.aborted;
  }

  /** Whether results may go straight to the queue: not past older ones on the spool, not into a queue that is full. */
  private get mayPass(): boolean {
    return this.spooling.empty && this.depth.problem === null;
  }

  private async ingest(): Promise<void> {
    while (!(this.closing && this.waiting.empty)) {
      if (this.waiting.empty) await this.untilWoken();
      if (this.backlog < LIMITS.batch_results.value)
        await this.pause(this.mayPass ? GATHER_MS : GATHER_SPOOL_MS);
      const batches = this.waiting.take(TAKE_BATCHES);
      const sent = this.mayPass ? await this.send(batches) : 0;
      this.waiting.done(batches.slice(0, sent));
      if (sent < batches.length) await this.keep(batches.slice(sent));
      this.drops.look(this.counts.dropped, this.problem === null && this.spooling.empty);
    }
  }

  /** Everything spooled goes to the queue, oldest first, before anything newer may. */
  private async replay(): Promise<void> {
    while (!this.closing) {
      const idle = this.spooling.empty && this.link.isOpen;
      if (idle || this.depth.problem !== null || !(await this.replayOldest())) await this.pause(RETRY_MS);
    }
  }

  private async replayOldest(): Promise<boolean> {
    return (await this.reconnected()) && this.spooling.replayOldest((batches) => this.send(batches));
  }

  /** Looks now and then how much waits in the queue. It also sees a database that is away while nothing is sent. */
  private async watch(): Promise<void> {
    const { depthMs = DEPTH_MS } = this.options;
    while (!this.closing) {
      await this.pause(this.depth.problem === null ? depthMs : Math.min(depthMs, DEPTH_FULL_MS));
      if (this.closing || !this.link.isOpen) continue;
      try {
        await this.depth.look((text, values) => this.link.run(text, values));
        if (this.depth.problem !== null) this.setProblem(this.depth.problem);
        else this.answers();
      } catch (error) {
        this.setProblem(messageOf(error));
      }
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
    this.refusedResults += batch.results.length;
    this.options.log.warn(
      { event: 'batch_refused', results: batch.results.length, error: messageOf(error) },
      'PostgreSQL refuses a batch; it is dropped, so that it holds nothing up',
    );
  }

  private async reconnected(): Promise<boolean> {
    if (this.link.isOpen) return true;
    try {
      await this.link.open();
      this.answers();
      return true;
    } catch (error) {
      this.setProblem(messageOf(error));
      return false;
    }
  }

  /** A database that answers may still refuse to take anything: with results waiting, only they can tell. */
  private answers(): void {
    if (this.spooling.empty && this.backlog === 0) this.setProblem(null);
  }

  /** To the spool; what the disk does not take goes back to memory, in front of what came meanwhile. */
  private async keep(batches: readonly Batch[]): Promise<void> {
    this.tell(batches.filter((batch) => !this.told.has(batch)));
    const kept = await this.spooling.keep(batches);
    this.waiting.done(batches.slice(0, kept));
    if (kept === batches.length) return;
    this.waiting.putBack(batches.slice(kept));
    if (this.closing) this.waiting.dropAll();
    else await this.pause(RETRY_MS);
  }

  private tell(batches: readonly Batch[]): void {
    for (const batch of batches) this.told.add(batch);
    this.waited += resultsIn(batches);
    if (batches.length > 0)
      this.options.onWaiting?.(batches.flatMap((batch) => batch.results as unknown as Result[]));
  }

  private setProblem(problem: string | null): void {
    if (problem === this.problem) return;
    this.problem = problem;
    this.options.onState(problem);
  }

  /** Ends early when it is closed. */
  private pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.closer.signal }).catch(() => undefined);
  }

  private untilWoken(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = () => {
        this.wake = null;
        resolve();
      };
      if (this.closing || !this.waiting.empty) this.wake();
    });
  }
}
