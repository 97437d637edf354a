import type pg from 'pg';
import { TARGETS_CHANNEL } from '../writer/commands.js';
import { inTransaction, nextRevision } from '../writer/transaction.js';

/** A discovered service that has not been reported for this long is no longer shown, in ms. */
const RETIRE_AFTER_MS = 86_400_000;

/**
 * Removes discovered services (containers, mostly) that have been gone for a day, so that machines with
 * short-lived containers do not fill the board. One with an open alert stays until somebody has seen it. Results
 * are kept; should the service come back, it starts anew. Answers the names.
 */
export async function retire(
  pool: pg.Pool,
  options: { readonly now: number; readonly node: string },
): Promise<string[]> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ id: number }>(
      `SELECT s.id FROM matrix.services s JOIN matrix.service_state t ON t.service_id = s.id
       WHERE s.source = 'discovered' AND s.removed_at IS NULL AND t.code = 'not_reported'
         AND t.since < to_timestamp($1 / 1000.0)
         AND NOT EXISTS (SELECT 1 FROM matrix.alerts a WHERE a.service = s.name AND a.acked_at IS NULL)
       FOR UPDATE OF s`,
      [options.now - RETIRE_AFTER_MS],
    );
    if (rows.length === 0) return [];
    const rev = await nextRevision(client, options.node);
    const removed = await client.query<{ name: string }>(
      'UPDATE matrix.services SET removed_at = now(), rev = $2 WHERE id = ANY ($1) RETURNING name',
      [rows.map((row) => row.id), rev],
    );
    // The writer holds the list of services in memory.
    await client.query(`SELECT pg_notify($1, '')`, [TARGETS_CHANNEL]);
    return removed.rows.map((row) => row.name);
  });
}
