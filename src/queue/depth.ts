/**
 * Keeps the queue's own table bounded. Results that nobody stores pile up there for as long as the database
 * takes them; beyond a limit they go to the spool instead, which has one. Batches put aside and notices that no
 * channel takes have a limit too: the oldest go, and are counted.
 */
import { LIMITS } from '../contract/limits.js';
import { DEAD_QUEUE, NOTICES_QUEUE, RESULTS_QUEUE } from './queues.js';

/** Runs one statement; answers its rows. */
export type RunSql = (
  text: string,
  values: readonly unknown[],
) => Promise<readonly Record<string, unknown>[]>;

export interface DepthLimits {
  /** Most batches of results that may wait in the queue; it is used again when it is half empty. */
  readonly results: number;
  /** Most batches that are kept aside. */
  readonly dead: number;
  /** Most notices that may wait. */
  readonly notices: number;
}

const DEPTH_LIMITS: DepthLimits = {
  results: LIMITS.queued_batches.value,
  dead: LIMITS.dead_batches.value,
  notices: LIMITS.queued_notices.value,
};

const JOBS = 'pgboss.job';
/** Delivered notices are kept for a day and do not count. */
const WAITING = `AND state < 'completed'`;

export class Depth {
  /** Jobs removed because there were too many, by queue. */
  readonly trimmed = new Map<string, number>();
  /** Why no more results may go into the queue; null while they may. */
  problem: string | null = null;

  constructor(
    private readonly log: { error(fields: object, message: string): void },
    private readonly limits: DepthLimits = DEPTH_LIMITS,
  ) {}

  /** Looks at all queues and removes what is too much. Rejects when the database is away. */
  async look(run: RunSql): Promise<void> {
    const limit = this.problem === null ? this.limits.results : Math.floor(this.limits.results / 2);
    const waiting = await atMost(run, RESULTS_QUEUE, limit + 1, `AND state < 'active'`);
    this.problem =
      waiting > limit
        ? `more than ${this.limits.results} batches wait in the queue and are not being stored`
        : null;
    for (const [queue, most] of [
      [DEAD_QUEUE, this.limits.dead],
      [NOTICES_QUEUE, this.limits.notices],
    ] as const) {
      if ((await atMost(run, queue, most + 1, WAITING)) <= most) continue;
      const jobs = await trim(run, queue, most);
      if (jobs === 0) continue;
      this.trimmed.set(queue, (this.trimmed.get(queue) ?? 0) + jobs);
      this.log.error(
        { event: 'queue_trimmed', queue, jobs },
        `more than ${most} jobs waited in ${queue}: ${jobs} of the oldest were removed`,
      );
    }
  }
}

/** Counts no further than it must: a count of millions would cost what it is to prevent. */
async function atMost(run: RunSql, queue: string, most: number, which: string): Promise<number> {
  const [row] = await run(
    `SELECT count(*)::int AS n FROM (SELECT 1 FROM ${JOBS} WHERE name = $1 ${which} LIMIT $2) found`,
    [queue, most],
  );
  return Number(row?.['n'] ?? 0);
}

/** Removes all but the newest; one that is being worked on stays. Answers how many had still been waited for. */
async function trim(run: RunSql, queue: string, keep: number): Promise<number> {
  const rows = await run(
    `WITH surplus AS (SELECT id FROM ${JOBS} WHERE name = $1 ${WAITING} ORDER BY created_on DESC, id DESC OFFSET $2)
     DELETE FROM ${JOBS} j USING surplus s WHERE j.name = $1 AND j.id = s.id AND j.state <> 'active'
     RETURNING j.id`,
    [queue, keep],
  );
  return rows.length;
}
