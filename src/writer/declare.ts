import type pg from 'pg';
import type { Batch } from '../../schema/messages.js';

/**
 * Makes the store's list of configured targets what the collector declared: new ones appear, changed ones are
 * updated, those no longer there are removed together with what was discovered through them. A name that was
 * registered at run time and now stands in the file belongs to the file. Answers the names that were removed.
 */
export async function declareTargets(
  client: pg.ClientBase,
  customerId: string,
  targets: NonNullable<Batch['declare']>,
  rev: number,
): Promise<string[]> {
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
