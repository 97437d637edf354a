/** Jobs of the results queue: taken, put aside and completed in the writer's own transaction. */
import type pg from 'pg';
import type { PgBoss } from 'pg-boss';
import { bossDatabase, DEAD_QUEUE, RESULTS_QUEUE } from '../queue/queues.js';
import { sessionLost } from './failure.js';

export interface JobContext {
  readonly client: pg.Client;
  readonly boss: PgBoss;
  readonly log: { warn(fields: object, message: string): void; error(fields: object, message: string): void };
}

export interface Job {
  readonly id: string;
  readonly data: unknown;
}

/** Moves the oldest job to the dead queue, where an operator finds it; for a job that cannot be stored. */
export async function buryOldest(context: JobContext, reason: string): Promise<void> {
  await withJobs(context, 1, async (jobs) => {
    for (const job of jobs) await bury(context, job, reason);
  });
}

/** Takes jobs, does `work` with them and completes them, all in one transaction. */
export async function withJobs<T>(
  context: JobContext,
  limit: number,
  work: (jobs: readonly Job[]) => Promise<T>,
): Promise<T> {
  const { client, boss } = context;
  await client.query('BEGIN');
  try {
    const jobs = await fetchInOrder(context, limit);
    const answer = await work(jobs);
    const ids = jobs.map((job) => job.id);
    if (ids.length > 0) await boss.complete(RESULTS_QUEUE, ids, null, { db: bossDatabase(client) });
    await client.query('COMMIT');
    return answer;
  } catch (error) {
    await rollBack(client, error);
    throw error;
  }
}

/** The order of the ids is the order of making; what an UPDATE returns has none. */
async function fetchInOrder({ client, boss }: JobContext, limit: number): Promise<Job[]> {
  const jobs: Job[] = await boss.fetch(RESULTS_QUEUE, {
    batchSize: limit,
    db: bossDatabase(client),
    // No batch is ever put off; one from before the database's clock stepped back would wait for that hour again.
    ignoreStartAfter: true,
  });
  return jobs.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** A session that is gone has rolled back by itself, and asking it would only cost another timeout. */
async function rollBack(client: pg.Client, error: unknown): Promise<void> {
  if (!sessionLost(error)) await client.query('ROLLBACK').catch(() => undefined);
}

/** Puts a job aside, within the transaction that takes it. */
export async function bury(context: JobContext, job: Job, reason: string): Promise<void> {
  context.log.error(
    { event: 'batch_buried', job: job.id, reason },
    'a batch cannot be stored; it is kept aside',
  );
  await context.boss.insert(DEAD_QUEUE, [{ data: { reason, batch: job.data } }], {
    db: bossDatabase(context.client),
  });
}
