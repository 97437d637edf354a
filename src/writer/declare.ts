import type pg from 'pg';
import type { Batch } from '../../schema/messages.js';
import { haveOneMaker, madeAt } from '../queue/ids.js';
import { at } from './columns.js';

/** A declaration from further ahead than this was made by a clock that has been set back since, in ms. */
const AHEAD_MS = 60_000;

/** The newest declaration that was applied: the id of its batch, and when, in epoch ms. */
export interface Applied {
  readonly batch: string;
  readonly appliedAt: number;
}

/**
 * Whether a declaration is older than the newest that was applied: it waited on a spool while another process, or a
 * newer one, declared. Ids tell: surely those of one process, and of several as far as their clocks agree (who takes
 * over makes ids after those of the one before). One from the future proves nothing: a list that is applied although
 * it is old is put right by the next one, but whoever waits for that clock would watch the wrong targets meanwhile.
 */
export function isSuperseded(batch: string, newest: Applied | null, nowMs: number): boolean {
  if (newest === null || batch >= newest.batch) return false;
  if (haveOneMaker(batch, newest.batch)) return true;
  const [made, newestMade] = [madeAt(batch), madeAt(newest.batch)];
  if (made === null || newestMade === null) return false;
  // Whatever its id says, it was made before it was applied.
  const madeBy = Math.min(newestMade, newest.appliedAt);
  return made < madeBy && madeBy <= nowMs + AHEAD_MS;
}

/**
 * Makes the store's list of configured targets what the collector declared: new ones appear, changed ones are
 * updated, those no longer there are removed together with what was discovered through them. A name that was
 * registered at run time and now stands in the file belongs to the file. Answers the names that were removed; null
 * for a declaration that is ignored because a newer one was applied.
 */
export async function declareTargets(
  client: pg.ClientBase,
  customerId: string,
  batch: string,
  targets: NonNullable<Batch['declare']>,
  rev: number,
): Promise<string[] | null> {
  const nowMs = Date.now();
  const newest = await client.query<Applied>(
    'SELECT batch, (extract(epoch FROM applied_at) * 1000)::float8 AS "appliedAt" FROM matrix.declaration',
  );
  if (isSuperseded(batch, newest.rows[0] ?? null, nowMs)) return null;
  await client.query(
    `INSERT INTO matrix.declaration (batch, applied_at) VALUES ($1, ${at('$2::float8')})
     ON CONFLICT (only_row) DO UPDATE SET batch = excluded.batch, applied_at = excluded.applied_at`,
    [batch, nowMs],
  );
  const names = targets.map((target) => target.name);
  const removed = await client.query<{ name: string }>(
    `UPDATE matrix.services SET removed_at = now(), rev = $2
     WHERE removed_at IS NULL AND target IN (
       SELECT name FROM matrix.services WHERE removed_at IS NULL AND source = 'config' AND name <> ALL ($1))
     RETURNING name`,
    [names, rev],
  );
  await client.query(
    `INSERT INTO matrix.services AS s (customer_id, rev, name, family, target, source, config, interval_ms)
     SELECT $1, $6, n, f, n, 'config', c, i
     FROM unnest($2::text[], $3::text[], $4::jsonb[], $5::int[]) AS r(n, f, c, i)
     ON CONFLICT (name) WHERE removed_at IS NULL DO UPDATE SET family = excluded.family, target = excluded.target,
       source = 'config', config = excluded.config, interval_ms = excluded.interval_ms, rev = excluded.rev
     WHERE (s.family, s.target, s.source, s.config, s.interval_ms) IS DISTINCT FROM
       (excluded.family, excluded.target, 'config', excluded.config, excluded.interval_ms)`,
    [
      customerId,
      names,
      targets.map((target) => target.family),
      targets.map((target) => JSON.stringify(target.config)),
      targets.map((target) => target.intervalMs),
      rev,
    ],
  );
  return removed.rows.map((row) => row.name);
}
