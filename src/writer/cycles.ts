/** The rows of cycles: added to with each batch, closed once. */
import type pg from 'pg';
import type { Batch } from '../../schema/messages.js';
import type { Cycle } from '../../schema/wire.js';
import { NEWEST_CYCLE } from '../store/reads.js';
import { at, columns } from './columns.js';
import type { Plan } from './plan.js';

/** Adds what a batch says of cycles, keyed by their start in epoch ms. */
export async function addToCycles(
  client: pg.ClientBase,
  customerId: string,
  cycles: Plan['cycles'],
  cycleMs: number,
): Promise<void> {
  await client.query(
    // Not ON CONFLICT: that takes a number from the identity each time, and people read these numbers.
    `WITH r AS (
       SELECT ${at('t')} AS ts, greatest(e - t, 0) AS took, p, w, f, u
       FROM unnest($3::float8[], $4::float8[], $5::int[], $6::int[], $7::int[], $8::int[]) AS x(t, e, p, w, f, u)
     ), known AS (
       UPDATE matrix.cycles y SET duration_ms = greatest(y.duration_ms, r.took), pass = y.pass + r.p,
         warn = y.warn + r.w, fail = y.fail + r.f, unknown = y.unknown + r.u
       FROM r WHERE y.ts = r.ts RETURNING y.ts
     )
     INSERT INTO matrix.cycles (customer_id, interval_ms, ts, duration_ms, pass, warn, fail, unknown)
     SELECT $1, $2, ts, took, p, w, f, u FROM r WHERE ts NOT IN (SELECT ts FROM known) ORDER BY ts`,
    [
      customerId,
      cycleMs,
      ...columns(
        [...cycles],
        ([ts, { endMs, counts }]) => [ts, endMs, counts.pass, counts.warn, counts.fail, counts.unknown],
        6,
      ),
    ],
  );
}

/** What a batch says of a cycle that it closes. */
export type Closed = Batch['cycles'][number] & { readonly batch: string };

/**
 * Closes cycles; one without any result still gets its row, so that every cycle is kept. A collector that was
 * restarted within a window closes it a second time, with its own part of the checks; a batch that is replayed does not.
 */
export async function closeCycles(
  client: pg.ClientBase,
  customerId: string,
  cycles: readonly Closed[],
): Promise<void> {
  if (cycles.length === 0) return;
  await client.query(
    `WITH r AS (
       SELECT ${at('t')} AS ts, max(i) AS i, sum(e) AS e, sum(k) AS k, array_agg(b) AS b
       FROM unnest($2::float8[], $3::int[], $4::int[], $5::int[], $6::text[]) AS x(t, i, e, k, b)
       WHERE NOT EXISTS (SELECT 1 FROM matrix.cycles y WHERE y.ts = ${at('x.t')} AND x.b = ANY (y.closed_by))
       GROUP BY t
     ), known AS (
       UPDATE matrix.cycles y SET expected = coalesce(y.expected, 0) + r.e,
         skipped = coalesce(y.skipped, 0) + r.k, closed_at = now(), closed_by = y.closed_by || r.b
       FROM r WHERE y.ts = r.ts RETURNING y.ts
     )
     INSERT INTO matrix.cycles (customer_id, ts, interval_ms, expected, skipped, closed_at, closed_by)
     SELECT $1, ts, i, e, k, now(), b FROM r WHERE ts NOT IN (SELECT ts FROM known) ORDER BY ts`,
    [
      customerId,
      ...columns(cycles, (row) => [row.ts, row.intervalMs, row.expected, row.skipped, row.batch], 5),
    ],
  );
}

/** Closes what a collector that died left open, once its last answers can no longer come. */
export async function closeInterrupted(client: pg.ClientBase): Promise<void> {
  await client.query(
    `UPDATE matrix.cycles SET closed_at = now()
     WHERE closed_at IS NULL AND ts + interval_ms * interval '1 ms' < now() - interval '1 minute'`,
  );
}

/** The cycle that is now, by this process's clock. */
export async function newestCycle(client: pg.ClientBase, nowMs: number): Promise<Cycle | null> {
  const { rows } = await client.query<{ cycle: Cycle | null }>(`SELECT ${NEWEST_CYCLE('$1')} AS cycle`, [
    nowMs,
  ]);
  return rows[0]?.cycle ?? null;
}
