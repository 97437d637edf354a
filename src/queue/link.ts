/** The producer's way into the queue: opened when it is needed, opened anew when the database moves. */
import type pg from 'pg';
import type { PgBoss } from 'pg-boss';
import type { Batch } from '../../schema/messages.js';
import { createPool } from '../store/pool.js';
import { isRefused, withoutUnstorable } from './batches.js';
import { openBoss, RESULTS_QUEUE } from './queues.js';

/** A statement that takes longer counts as "the database is away", in ms. */
const STATEMENT_MS = 5_000;

export class QueueLink {
  private url: string | null = null;
  private boss: PgBoss | null = null;
  private pool: pg.Pool | null = null;
  private opening: Promise<PgBoss> | null = null;

  /** `onError` hears what pg-boss complains of in the background. */
  constructor(private readonly onError: (problem: string) => void) {}

  /** Names the database; called again when it moved. */
  connect(url: string): void {
    this.url = url;
    void this.close();
  }

  get isOpen(): boolean {
    return this.boss !== null;
  }

  /** Resolves when the queue is there; two callers wait for the same attempt. Rejects when it is not. */
  async open(): Promise<PgBoss> {
    if (this.boss !== null) return this.boss;
    this.opening ??= this.tryToOpen().finally(() => {
      this.opening = null;
    });
    return this.opening;
  }

  /**
   * Puts one batch into the queue. The job's id is the batch's, so that sending it twice queues it once. Answers
   * why PostgreSQL refuses it also without what `jsonb` cannot hold, null when it took it. Rejects when the
   * database is away.
   */
  async insert(batch: Batch): Promise<unknown> {
    const boss = await this.open();
    const put = (data: Batch): Promise<unknown> => boss.insert(RESULTS_QUEUE, [{ id: batch.id, data }]);
    try {
      await put(batch).catch(async (error: unknown) => {
        if (!isRefused(error)) throw error;
        await put(withoutUnstorable(batch));
      });
      return null;
    } catch (error) {
      if (isRefused(error)) return error;
      throw error;
    }
  }

  /** Runs a statement on the queue's tables. Rejects when the database is away. */
  async run(text: string, values: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
    await this.open();
    const { pool } = this;
    if (pool === null) throw new Error('the database has moved');
    return (await pool.query<Record<string, unknown>>(text, [...values])).rows;
  }

  async close(): Promise<void> {
    const { boss, pool } = this;
    this.boss = null;
    this.pool = null;
    await boss?.stop({ graceful: false }).catch(() => undefined);
    await pool?.end().catch(() => undefined);
  }

  private async tryToOpen(): Promise<PgBoss> {
    const { url } = this;
    if (url === null) throw new Error('the database is not known yet');
    const pool = createPool(url, { name: 'matrix producer', max: 2, statementTimeoutMs: STATEMENT_MS });
    try {
      this.boss = await openBoss(pool, { maintain: false, onError: (error) => this.onError(error.message) });
    } catch (error) {
      await pool.end();
      throw error;
    }
    this.pool = pool;
    if (url === this.url) return this.boss;
    await this.close();
    throw new Error('the database has moved');
  }
}
