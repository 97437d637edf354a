/**
 * Looks after the store: makes the partitions of the next days, drops those that are older than is kept. Both
 * take moments, whatever their size, and both may be done twice, so that two keepers need not know each other.
 */
import type pg from 'pg';
import { inTransaction } from '../writer/transaction.js';
import { ensurePartitions, partitionName } from '../writer/write.js';

const DAY_MS = 86_400_000;

export interface KeeperReport {
  readonly made: number;
  readonly dropped: readonly string[];
}

/** One round. `now` in epoch ms; raw results of more than `keepDays` full days ago go. */
export async function keep(
  pool: pg.Pool,
  options: { readonly now: number; readonly keepDays: number },
): Promise<KeeperReport> {
  const ahead = [0, 1, 2].map((days) => options.now + days * DAY_MS);
  const made = await inTransaction(pool, (client) => ensurePartitions(client, ahead, new Set()));
  const { rows } = await pool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'matrix.results'::regclass AND c.relname ~ '^results_[0-9]{8}$' AND c.relname < $1
     ORDER BY 1`,
    [partitionName(options.now - options.keepDays * DAY_MS)],
  );
  for (const { name } of rows) {
    await inTransaction(pool, async (client) => {
      // Readers hold no lock for long; a drop that cannot have its own soon is left to the next round.
      await client.query(`SET LOCAL lock_timeout = '5s'`);
      await client.query(`DROP TABLE IF EXISTS matrix.${name}`);
    });
  }
  return { made: made.length, dropped: rows.map((row) => row.name) };
}
