/**
 * The writer: the only one that stores results. One session does everything: it holds the advisory lock that
 * makes it the one writer of this database, listens for new jobs, and runs the transactions. Lock and work share
 * their fate, so a writer that lost its session cannot write beside the one that took over.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { PgBoss } from 'pg-boss';
import type { Changes } from '../../schema/messages.js';
import { messageOf } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';
import { BOSS_CHANNEL, openBoss, RESULTS_QUEUE } from '../queue/queues.js';
import { HolderWatch } from '../store/holder.js';
import { migrate } from '../store/migrate.js';
import { createClient, createPool, endClient, sessionEnd } from '../store/pool.js';
import { type Outcome, processJobs, type WriterContext } from './batch.js';
import { TARGETS_CHANNEL } from './commands.js';
import { type Directory, loadDirectory } from './directory.js';
import { batchAtFault, sessionLost } from './failure.js';
import { buryOldest } from './jobs.js';

/** SQLSTATE of a migration that gave way to whoever reads its table, a backup for example. */
const LOCK_NOT_AVAILABLE = '55P03';
/** Pause before it tries again: while it waits for its lock, everybody else waits behind it. In ms. */
const MIGRATE_AGAIN_MS = 10_000;
/** Advisory lock of the one writer; chosen at random. */
export const WRITER_LOCK = 7_264_119_302;
/** Looks for jobs this often even without a notification, and for the lock while another holds it, in ms. */
const POLL_MS = 500;
/** Pause before a lost session is opened anew, in ms. */
const RECONNECT_MS = 250;

export interface WriterOptions {
  readonly url: string;
  readonly sqlDirectory: string;
  readonly customerId: string;
  readonly node: string;
  readonly cycleMs: number;
  readonly log: WriterContext['log'] & { info(fields: object, message: string): void };
  /** The schema is up to date: others may connect. */
  onReady(): void;
  onChanges(changes: Changes): void;
  onStats(stats: WriterStats): void;
}

export interface WriterStats {
  /** Whether this writer holds the lock; a standby does not. */
  readonly active: boolean;
  readonly jobs: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly orphaned: number;
  readonly buried: number;
  /** null while all is well. */
  readonly problem: string | null;
}

export class Writer {
  private stats: WriterStats = {
    active: false,
    jobs: 0,
    stored: 0,
    duplicates: 0,
    orphaned: 0,
    buried: 0,
    problem: null,
  };
  private stopping = false;
  private wake: (() => void) | null = null;
  private notified = false;
  private directoryStale = false;
  /** Why the session was lost, as the log has it; null since results were stored. */
  private saidLost: string | null = null;

  constructor(private readonly options: WriterOptions) {}

  /** Runs until `stop`. A lost database is waited out, not thrown. */
  async run(): Promise<void> {
    while (!this.stopping) {
      try {
        await this.session();
      } catch (error) {
        const problem = messageOf(error);
        // An outage is a line in the log, not one at each attempt.
        if (problem !== this.saidLost)
          this.options.log.warn(
            { event: 'writer_session_lost', error: problem },
            'the writer lost its database session',
          );
        this.saidLost = problem;
        this.update({ active: false, problem });
        await sleep(RECONNECT_MS);
      }
    }
  }

  /** Ends after the transaction that is under way; the lock is free then. */
  stop(): void {
    this.stopping = true;
    this.wake?.();
  }

  private async session(): Promise<void> {
    const { url, log } = this.options;
    const client = createClient(url, { name: 'matrix writer' });
    const lost = sessionEnd(client);
    const pool = createPool(url, { name: 'matrix queue', max: 2 });
    let boss: PgBoss | null = null;
    try {
      await client.connect();
      const applied = await this.migrate();
      if (applied.length > 0) log.info({ event: 'migrated', applied }, 'the schema is up to date');
      boss = await openBoss(pool, {
        maintain: true,
        onError: (error) =>
          log.warn({ event: 'queue_error', error: error.message }, 'pg-boss reports a problem'),
      });
      this.options.onReady();
      await Promise.race([this.work(client, boss), lost]);
    } finally {
      await boss?.stop({ graceful: false }).catch(() => undefined);
      await Promise.allSettled([endClient(client), pool.end()]);
    }
  }

  /** On a session of its own: a change of a large table takes the time it takes, beyond what any batch may. */
  private async migrate(): Promise<number[]> {
    const client = createClient(this.options.url, { name: 'matrix migration', statementTimeoutMs: 0 });
    try {
      await client.connect();
      return await migrate(client, this.options.sqlDirectory);
    } catch (error) {
      const { code } = error as { code?: unknown };
      for (let ms = 0; code === LOCK_NOT_AVAILABLE && ms < MIGRATE_AGAIN_MS && !this.stopping; ms += POLL_MS)
        await sleep(POLL_MS);
      throw error;
    } finally {
      await endClient(client);
    }
  }

  private async work(client: pg.Client, boss: PgBoss): Promise<void> {
    client.on('notification', (message) => {
      if (message.channel === TARGETS_CHANNEL) this.directoryStale = true;
      else if (message.payload !== RESULTS_QUEUE) return;
      this.notified = true;
      this.wake?.();
    });
    await client.query(`LISTEN ${BOSS_CHANNEL}; LISTEN ${TARGETS_CHANNEL}`);
    if (!(await this.lead(client))) return;
    this.update({ active: true, problem: null });
    const { customerId, node, cycleMs, log } = this.options;
    const context: WriterContext = { client, boss, customerId, node, cycleMs, days: new Set(), log };
    let directory = await loadDirectory(client);
    while (!this.stopping) {
      if (this.directoryStale) {
        this.directoryStale = false;
        directory = await loadDirectory(client);
      }
      this.notified = false;
      const outcome = await this.take(context, directory);
      directory = outcome.directory;
      if (outcome.jobs === 0 && !this.notified) await this.pause();
    }
  }

  /** Waits for the lock; false when stopped first. */
  private async lead(client: pg.Client): Promise<boolean> {
    const watch = new HolderWatch(WRITER_LOCK, 'work');
    while (!this.stopping) {
      const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1) AS mine', [
        WRITER_LOCK,
      ]);
      if (rows[0]?.mine === true) return true;
      this.update({ active: false, problem: null });
      await watch.look(client);
      await this.pause();
    }
    return false;
  }

  /** Stores what waits. A batch that fails although the session lives is tried alone, then put aside. */
  private async take(context: WriterContext, known: Directory): Promise<Outcome> {
    let directory = known;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const outcome = await processJobs(context, directory, attempt === 0 ? LIMITS.writer_jobs.value : 1);
        this.count(outcome);
        return outcome;
      } catch (error) {
        if (sessionLost(error)) throw error;
        this.update({ problem: messageOf(error) });
        context.log.warn(
          { event: 'batch_failed', attempt, error: messageOf(error) },
          'a batch could not be stored',
        );
        if (attempt === LIMITS.writer_attempts.value) {
          if (!batchAtFault(error)) throw error;
          await buryOldest(context, messageOf(error));
          this.update({ buried: this.stats.buried + 1 });
          return { jobs: 1, stored: 0, duplicates: 0, orphaned: 0, directory, changes: null };
        }
        // It may have failed because somebody else changed what exists.
        directory = await loadDirectory(context.client);
      }
    }
  }

  private count(outcome: Outcome): void {
    if (outcome.jobs === 0) return;
    this.saidLost = null;
    this.update({
      jobs: this.stats.jobs + outcome.jobs,
      stored: this.stats.stored + outcome.stored,
      duplicates: this.stats.duplicates + outcome.duplicates,
      orphaned: this.stats.orphaned + outcome.orphaned,
      problem: null,
    });
    if (outcome.changes !== null) this.options.onChanges(outcome.changes);
  }

  private update(part: Partial<WriterStats>): void {
    this.stats = { ...this.stats, ...part };
    this.options.onStats(this.stats);
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake?.(), POLL_MS);
      this.wake = () => {
        clearTimeout(timer);
        this.wake = null;
        resolve();
      };
      if (this.stopping) this.wake();
    });
  }
}
