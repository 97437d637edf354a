import type pg from 'pg';

/** Fronts LISTEN here; the payload is `{"rev": n, "node": "…"}`. */
export const CHANGES_CHANNEL = 'matrix_changes';

/** Runs `work` in a transaction of its own: all of it is stored, or nothing. */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const answer = await work(client);
    await client.query('COMMIT');
    client.release();
    return answer;
  } catch (error) {
    // A session whose rollback fails is of no use to the next one.
    const broken = await client.query('ROLLBACK').then(
      () => false,
      () => true,
    );
    client.release(broken);
    throw error;
  }
}

/**
 * Takes the number of this commit and announces it to other processes when (and only when) it commits. The row
 * lock is held until then, so numbers appear in the order in which they become visible; take it last.
 */
export async function nextRevision(client: pg.ClientBase, node: string): Promise<number> {
  const { rows } = await client.query<{ rev: number }>(
    `WITH taken AS (UPDATE matrix.revision SET rev = rev + 1 RETURNING rev)
     SELECT rev, pg_notify('${CHANGES_CHANNEL}', json_build_object('rev', rev, 'node', $1::text)::text) FROM taken`,
    [node],
  );
  const rev = rows[0]?.rev;
  if (rev === undefined) throw new Error('matrix.revision has no row');
  return rev;
}
