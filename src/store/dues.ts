import type { Db } from './pool.js';

/**
 * The newest stored due instant of every watched target, epoch ms, by name: of its own service, not of what was
 * discovered through it. One statement, whatever the number.
 */
export async function newestDues(db: Db): Promise<Map<string, number>> {
  const { rows } = await db.query<{ name: string; due: number }>(
    `SELECT s.name, (extract(epoch FROM t.due_at) * 1000)::float8 AS due
     FROM matrix.services s JOIN matrix.service_state t ON t.service_id = s.id
     WHERE s.removed_at IS NULL AND s.name = s.target`,
  );
  return new Map(rows.map(({ name, due }) => [name, Math.round(due)]));
}
