import { createHash } from 'node:crypto';
import type pg from 'pg';
import { type Db as BossDb, PgBoss } from 'pg-boss';

/** Batches of results on their way to the writer. */
export const RESULTS_QUEUE = 'matrix-results';
/** Batches that could not be stored although the database works; kept for an operator to look at. */
export const DEAD_QUEUE = 'matrix-results-dead';
/** Notices on their way to the channels, enqueued by the writer's own transaction. */
export const NOTICES_QUEUE = 'matrix-notices';

export const BOSS_SCHEMA = 'pgboss';

/**
 * The channel that pg-boss notifies when a job arrives on a queue with `notify`. pg-boss listens there only for
 * its own polling workers; the writer fetches inside its own transaction, so it listens for itself. Should a
 * later pg-boss rename the channel, the writer still polls every second, and a test says so.
 */
export const BOSS_CHANNEL = `pgboss_${createHash('sha224').update(BOSS_SCHEMA).digest('hex').slice(0, 24)}`;

export interface BossOptions {
  /** Whether this instance installs the schema and runs pg-boss's maintenance: the writer's does. */
  readonly maintain: boolean;
  readonly onError: (error: Error) => void;
}

/** Lets pg-boss run its statements on our pool, client or transaction. */
export function bossDatabase(db: Pick<pg.ClientBase, 'query'>): BossDb {
  return { executeSql: async (text, values) => db.query(text, values) };
}

/** A started pg-boss over `pool`. Rejects when the schema is missing and `maintain` is false. */
export async function openBoss(pool: pg.Pool, options: BossOptions): Promise<PgBoss> {
  const boss = new PgBoss({
    db: bossDatabase(pool as unknown as pg.ClientBase),
    schema: BOSS_SCHEMA,
    migrate: options.maintain,
    supervise: options.maintain,
    schedule: false,
    reindex: options.maintain,
    superviseIntervalSeconds: 30,
    maintenanceIntervalSeconds: 60,
  });
  boss.on('error', options.onError);
  try {
    await boss.start();
    if (options.maintain) await createQueues(boss);
    return boss;
  } catch (error) {
    // What did start of it would go on for ever.
    await boss.stop({ graceful: false }).catch(() => undefined);
    throw error;
  }
}

async function createQueues(boss: PgBoss): Promise<void> {
  const day = 86_400;
  // A batch is taken and completed in one transaction, so it never expires and retries by itself.
  await ensureQueue(boss, RESULTS_QUEUE, {
    notify: true,
    retentionSeconds: 30 * day,
    deleteAfterSeconds: 60,
  });
  await ensureQueue(boss, DEAD_QUEUE, { retentionSeconds: 30 * day });
  await ensureQueue(boss, NOTICES_QUEUE, {
    notify: true,
    retryLimit: 10,
    retryDelay: 5,
    retryBackoff: true,
    // A notifier that died with a notice in its hands: another one takes it up then.
    expireInSeconds: 60,
    retentionSeconds: 7 * day,
    deleteAfterSeconds: day,
  });
}

async function ensureQueue(
  boss: PgBoss,
  name: string,
  options: Parameters<PgBoss['createQueue']>[1],
): Promise<void> {
  await boss.createQueue(name, options);
  await boss.updateQueue(name, options);
}
