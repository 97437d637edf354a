/**
 * The collector's end of the queue. Results are gathered for a moment and leave as one pg-boss job; while the
 * database is away they go to the spool and follow later, in order. The caller never waits and never fails.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { PgBoss } from 'pg-boss';
import type { Batch } from '../../schema/messages.js';
import { messageOf } from '../contract/errors.js';
import type { Result } from '../contract/result.js';
import { createPool } from '../store/pool.js';
import { orderedId } from './ids.js';
import { openBoss, RESULTS_QUEUE } from './queues.js';
import type { Spool } from './spool.js';

/** How long results are gathered before they leave, in ms. */
const GATHER_MS = 25;
/** The same while they go to the spool, where each departure costs an fsync. */
const GATHER_SPOOL_MS = 200;
/** Most results in one job. */
const MAX_BATCH_RESULTS = 500;
/** Pause between attempts while the database is away, in ms. */
const RETRY_MS = 500;
/** A statement that takes longer counts as "the database is away", in ms. */
const STATEMENT_MS = 5_000;
/** Most results held in memory when neither database nor spool takes them. */
const MAX_PENDING_RESULTS = 100_000;

/** What may travel in a batch; an entry is never split. */
export interface Entry {
  readonly results?: readonly Result[];
  readonly cycles?: Batch['cycles'];
  readonly declare?: NonNullable<Batch['declare']>;
}

export interface ProducerOptions {
  readonly node: string;
  readonly spool: Spool;
  /** Hears when the queue becomes reachable (null) or not (why). */
  readonly onState: (problem: string | null) => void;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
}

export class Producer {
  /** Results dropped because neither database nor spool could take them. */
  dropped = 0;
  private pending: Entry[] = [];
  private pendingResults = 0;
  private wake: (() => void) | null = null;
  private boss: PgBoss | null = null;
  private pool: pg.Pool | null = null;
  private url: string | null = null;
  private problem: string | null = 'not connected yet';
  private closing = false;
  private readonly loops: Promise<void>[];
  private spoolUse: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: ProducerOptions) {
    this.loops = [this.ingest(), this.replay()];
  }

  /** Names the database; called again when it moved. */
  connect(url: string): void {
    this.url = url;
    void this.disconnect();
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

  /** Sends or spools what is pending, then lets go of everything. Ends within about `STATEMENT_MS`. */
  async close(): Promise<void> {
    this.closing = true;
    this.wake?.();
    await Promise.all(this.loops);
    await this.exclusive(() => this.options.spool.close());
    await this.disconnect();
  }

  private async ingest(): Promise<void> {
    while (!(this.closing && this.pending.length === 0)) {
      if (this.pending.length === 0) await this.untilWoken();
      const spooling = !this.options.spool.empty;
      if (this.pendingResults < MAX_BATCH_RESULTS && !this.closing)
        await sleep(spooling ? GATHER_SPOOL_MS : GATHER_MS);
      const batches = this.takeBatches();
      if (batches.length === 0) continue;
      if (!this.options.spool.empty || !(await this.send(batches))) await this.keep(batches);
    }
  }

  /** Everything spooled goes to the queue, oldest first, before anything newer may. */
  private async replay(): Promise<void> {
    while (!this.closing) {
      if (this.options.spool.empty && this.boss !== null) {
        await sleep(RETRY_MS);
        continue;
      }
      const oldest = await this.exclusive(() => this.options.spool.oldest()).catch((error: unknown) => {
        this.options.log.warn(
          { event: 'spool_unreadable', error: messageOf(error) },
          'the spool cannot be read',
        );
        return null;
      });
      const sent = oldest === null ? await this.reconnect() : await this.send(oldest.batches);
      if (sent && oldest !== null) {
        await this.exclusive(() => oldest.forget());
        this.options.log.info(
          { event: 'spool_replayed', batches: oldest.batches.length },
          'spooled results are queued',
        );
      } else {
        await sleep(RETRY_MS);
      }
    }
  }

  private takeBatches(): Batch[] {
    const entries = this.pending;
    this.pending = [];
    this.pendingResults = 0;
    const batches: Batch[] = [];
    let batch = this.newBatch();
    for (const entry of entries) {
      batch.results.push(...((entry.results ?? []) as Batch['results']));
      batch.cycles.push(...(entry.cycles ?? []));
      if (entry.declare !== undefined) batch.declare = entry.declare;
      if (batch.results.length >= MAX_BATCH_RESULTS || entry.declare !== undefined) {
        batches.push(batch);
        batch = this.newBatch();
      }
    }
    if (batch.results.length + batch.cycles.length > 0) batches.push(batch);
    return batches;
  }

  private newBatch(): Batch {
    return { v: 1, id: orderedId(), node: this.options.node, results: [], cycles: [] };
  }

  /** False when the queue did not take them. The job id is the batch's, so sending twice queues it once. */
  private async send(batches: readonly Batch[]): Promise<boolean> {
    if (batches.length === 0) return true;
    try {
      const boss = await this.connected();
      await boss.insert(
        RESULTS_QUEUE,
        batches.map((batch) => ({ id: batch.id, data: batch })),
      );
      this.setProblem(null);
      return true;
    } catch (error) {
      this.setProblem(messageOf(error));
      return false;
    }
  }

  private async reconnect(): Promise<boolean> {
    try {
      await this.connected();
      this.setProblem(null);
      return true;
    } catch (error) {
      this.setProblem(messageOf(error));
      return false;
    }
  }

  private async keep(batches: readonly Batch[]): Promise<void> {
    try {
      await this.exclusive(() => this.options.spool.append(batches));
    } catch (error) {
      this.options.log.warn({ event: 'spool_failed', error: messageOf(error) }, 'results cannot be spooled');
      // Back to memory, in front of what came meanwhile; `add` bounds it.
      this.pending.unshift(...(batches as readonly Entry[]));
      this.pendingResults += batches.reduce((sum, batch) => sum + batch.results.length, 0);
      if (this.closing) this.dropAll();
      else await sleep(RETRY_MS);
    }
  }

  private dropAll(): void {
    this.dropped += this.pendingResults;
    this.pending = [];
    this.pendingResults = 0;
  }

  private async connected(): Promise<PgBoss> {
    if (this.boss !== null) return this.boss;
    if (this.url === null) throw new Error('the database is not known yet');
    this.pool ??= createPool(this.url, { name: 'matrix producer', max: 2, statementTimeoutMs: STATEMENT_MS });
    this.boss = await openBoss(this.pool, {
      maintain: false,
      onError: (error) => this.setProblem(error.message),
    });
    return this.boss;
  }

  private async disconnect(): Promise<void> {
    const { boss, pool } = this;
    this.boss = null;
    this.pool = null;
    await boss?.stop({ graceful: false }).catch(() => undefined);
    await pool?.end().catch(() => undefined);
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
