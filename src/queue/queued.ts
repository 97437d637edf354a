import { LIMITS } from '../contract/limits.js';
import type { Db } from '../store/pool.js';
import { BOSS_SCHEMA, RESULTS_QUEUE } from './queues.js';

/** The newest due instant of every target among results that wait for the writer, epoch ms, by name. */
export async function queuedDues(db: Db): Promise<Map<string, number>> {
  const { rows } = await db.query<{ name: string; due: number }>(
    `SELECT r->>'target' AS name, max((r->>'dueAt')::float8) AS due
     FROM (SELECT data FROM ${BOSS_SCHEMA}.job WHERE name = $1 AND state < 'completed'
       ORDER BY created_on DESC LIMIT $2) j, jsonb_array_elements(j.data->'results') r
     WHERE r->>'target' = r->>'service' GROUP BY 1`,
    [RESULTS_QUEUE, LIMITS.queued_batches_read.value],
  );
  return new Map(rows.map(({ name, due }) => [name, Math.round(due)]));
}
