/**
 * Looks after the store: makes the partitions of the next days, drops those that are older than is kept. Both
 * take moments, whatever their size, and both may be done twice, so that two keepers need not know each other.
 */
import type pg from 'pg';
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
  const client = await pool.connect();
  try {
    const ahead = [0, 1, 2].map((days) => options.now + days * DAY_MS);
    const made = await ensurePartitions(client, ahead, new Set());
    const oldest = partitionName(options.now - options.keepDays * DAY_MS);
    const { rows } = await client.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = 'matrix.results'::regclass AND c.relname < $1 ORDER BY 1`,
      [oldest],
    );
    // Readers hold no lock for long; a drop that cannot have its own soon is left to the next round.
    await client.query(`SET lock_timeout = '5s'`);
    for (const { name } of rows) await client.query(`DROP TABLE matrix.${name}`);
    await client.query('RESET lock_timeout');
    return { made: made.length, dropped: rows.map((row) => row.name) };
  } finally {
    client.release();
  }
}
