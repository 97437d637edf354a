/**
 * The services that exist, with their state, as the writer holds them in memory. Loaded from the store at start
 * and after every change that someone else made; changed by the writer only after its commit.
 */
import type { Db } from '../store/pool.js';
import type { ServiceState } from './transition.js';

export interface Entry {
  readonly id: number;
  readonly name: string;
  readonly family: string;
  readonly target: string;
  readonly source: 'config' | 'api' | 'discovered';
  readonly intervalMs: number;
  readonly state: ServiceState | null;
}

export type Directory = Map<string, Entry>;

const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** Every service that is not removed. */
export async function loadDirectory(db: Db): Promise<Directory> {
  const { rows } = await db.query<Omit<Entry, 'state'> & { state: ServiceState | null }>(`
    SELECT s.id, s.name, s.family, s.target, s.source, s.interval_ms AS "intervalMs",
      CASE WHEN t.service_id IS NOT NULL THEN json_build_object(
        'verdict', t.verdict, 'code', t.code, 'detail', t.detail, 'since', ${ms('t.since')},
        'dueAt', ${ms('t.due_at')}, 'startedAt', ${ms('t.started_at')}, 'durationMs', t.duration_ms,
        'measurements', t.measurements, 'facts', t.facts, 'outageSince', ${ms('t.outage_since')}, 'made', t.made) END AS state
    FROM matrix.services s LEFT JOIN matrix.service_state t ON t.service_id = s.id
    WHERE s.removed_at IS NULL`);
  return new Map(rows.map((row) => [row.name, row]));
}
