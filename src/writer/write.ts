/** The statements of the writer's transaction. All are set-based: one round trip each, whatever the batch size. */
import type pg from 'pg';
import type { Alert } from '../../schema/wire.js';
import type { Result } from '../contract/result.js';
import { ALERT_COLUMNS } from '../store/reads.js';
import { at, columns } from './columns.js';
import { addToCycles } from './cycles.js';
import type { Directory, Entry } from './directory.js';
import { observedMs } from './observed.js';
import type { NewAlert, Plan } from './plan.js';

const DAY_MS = 86_400_000;

/** Name of the partition that holds the UTC day of `dayMs`. */
export function partitionName(dayMs: number): string {
  return `results_${new Date(dayMs).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

/** Advisory lock of whoever makes partitions; chosen at random. */
const PARTITION_LOCK = 7_264_119_304;

/**
 * Makes the partitions that these instants fall into; in a transaction. `known` remembers days that exist, to spare
 * the look. Attached, not created in place: that would lock everybody out, and queue behind a backup that reads.
 */
export async function ensurePartitions(
  client: pg.ClientBase,
  instants: readonly number[],
  known: Set<number>,
): Promise<number[]> {
  const days = [...new Set(instants.map((ms) => Math.floor(ms / DAY_MS) * DAY_MS))].filter(
    (day) => !known.has(day),
  );
  // Keeper and writer may want the same day at once.
  if (days.length > 0) await client.query('SELECT pg_advisory_xact_lock($1)', [PARTITION_LOCK]);
  for (const day of days) {
    const name = `matrix.${partitionName(day)}`;
    const { rows } = await client.query<{ missing: boolean }>('SELECT to_regclass($1) IS NULL AS missing', [
      name,
    ]);
    if (rows[0]?.missing !== true) continue;
    const from = new Date(day).toISOString();
    const to = new Date(day + DAY_MS).toISOString();
    await client.query(`CREATE TABLE ${name} (LIKE matrix.results);
      ALTER TABLE matrix.results ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}')`);
  }
  return days;
}

/** Adds services that targets reported for the first time; answers them with their ids. */
export async function insertDiscovered(
  client: pg.ClientBase,
  customerId: string,
  found: readonly Pick<Entry, 'name' | 'family' | 'target' | 'intervalMs'>[],
): Promise<Entry[]> {
  if (found.length === 0) return [];
  const { rows } = await client.query<{ id: number; name: string }>(
    `INSERT INTO matrix.services (customer_id, name, family, target, source, interval_ms)
     SELECT $1, n, f, t, 'discovered', i FROM unnest($2::text[], $3::text[], $4::text[], $5::int[]) AS x(n, f, t, i)
     RETURNING id, name`,
    [customerId, ...columns(found, (row) => [row.name, row.family, row.target, row.intervalMs], 4)],
  );
  const ids = new Map(rows.map((row) => [row.name, row.id]));
  return found.flatMap((row) => {
    const id = ids.get(row.name);
    return id === undefined ? [] : [{ ...row, id, source: 'discovered' as const, state: null }];
  });
}

/** Stores results; answers the indexes of those that were not stored before. */
export async function insertResults(
  client: pg.ClientBase,
  customerId: string,
  directory: Directory,
  results: readonly Result[],
): Promise<Set<number>> {
  const { rows } = await client.query<{ service_id: number; due: number }>(
    `INSERT INTO matrix.results (service_id, due_at, started_at, duration_ms, verdict, customer_id, code, detail,
       measurements, facts, observed_ms)
     SELECT s, ${at('d')}, ${at('b')}, m, v, $1, c, t, x, f, o
     FROM unnest($2::int[], $3::float8[], $4::float8[], $5::real[], $6::matrix.verdict[], $7::text[], $8::text[],
       $9::jsonb[], $10::jsonb[], $11::int[]) AS r(s, d, b, m, v, c, t, x, f, o)
     ON CONFLICT DO NOTHING
     RETURNING service_id, (extract(epoch FROM due_at) * 1000)::float8 AS due`,
    [
      customerId,
      ...columns(
        results,
        (result) => [
          directory.get(result.service)?.id ?? null,
          result.dueAt,
          result.startedAt,
          result.durationMs,
          result.verdict,
          result.code ?? null,
          result.detail,
          result.measurements?.length ? JSON.stringify(result.measurements) : null,
          result.facts && Object.keys(result.facts).length > 0 ? JSON.stringify(result.facts) : null,
          observedMs(result, directory.get(result.service)?.intervalMs ?? 0),
        ],
        10,
      ),
    ],
  );
  const stored = new Set(rows.map((row) => `${row.service_id}:${Math.round(row.due)}`));
  const fresh = new Set<number>();
  results.forEach((result, index) => {
    // Deleting makes the second of two equal results in one batch the duplicate that it is.
    if (stored.delete(`${directory.get(result.service)?.id}:${Math.round(result.dueAt)}`)) fresh.add(index);
  });
  return fresh;
}

/** Writes states, uptime and cycles of a plan. Answers the ids of the services whose state was written. */
export async function writePlan(
  client: pg.ClientBase,
  customerId: string,
  plan: Plan,
  cycleMs: number,
  rev: number,
): Promise<ReadonlySet<number>> {
  const live = await writeStates(client, plan, rev);
  await addToUptime(client, plan.uptime);
  await addToCycles(client, customerId, plan.cycles, cycleMs);
  return live;
}

/** The revision is locked by now: a service that is removed here is removed for good, and must not come back. */
async function writeStates(client: pg.ClientBase, plan: Plan, rev: number): Promise<Set<number>> {
  const moved = [...plan.moved.values()].flatMap((entry) =>
    entry.state === null ? [] : [{ id: entry.id, ...entry.state }],
  );
  const { rows } = await client.query<{ service_id: number }>(
    `INSERT INTO matrix.service_state AS t (service_id, verdict, code, detail, since, due_at, started_at,
       duration_ms, measurements, facts, outage_since, made, rev)
     SELECT i, v, c, d, ${at('s')}, ${at('u')}, ${at('b')}, m, x, f, ${at('o')}, y, $1
     FROM unnest($2::int[], $3::matrix.verdict[], $4::text[], $5::text[], $6::float8[], $7::float8[], $8::float8[],
       $9::real[], $10::jsonb[], $11::jsonb[], $12::float8[], $13::text[]) AS r(i, v, c, d, s, u, b, m, x, f, o, y)
     WHERE EXISTS (SELECT 1 FROM matrix.services e WHERE e.id = i AND e.removed_at IS NULL)
     ON CONFLICT (service_id) DO UPDATE SET verdict = excluded.verdict, code = excluded.code,
       detail = excluded.detail, since = excluded.since, due_at = excluded.due_at,
       started_at = excluded.started_at, duration_ms = excluded.duration_ms,
       measurements = excluded.measurements, facts = excluded.facts,
       outage_since = excluded.outage_since, made = excluded.made, rev = excluded.rev
     RETURNING service_id`,
    [
      rev,
      ...columns(
        moved,
        (row) => [
          row.id,
          row.verdict,
          row.code,
          row.detail,
          row.since,
          row.dueAt,
          row.startedAt,
          row.durationMs,
          JSON.stringify(row.measurements),
          JSON.stringify(row.facts),
          row.outageSince,
          row.made,
        ],
        12,
      ),
    ],
  );
  return new Set(rows.map((row) => row.service_id));
}

async function addToUptime(client: pg.ClientBase, uptime: Plan['uptime']): Promise<void> {
  await client.query(
    `INSERT INTO matrix.uptime_hourly AS h (service_id, hour, pass, warn, fail, unknown, observed_ms)
     SELECT i, ${at('t')}, p, w, f, u, o
     FROM unnest($1::int[], $2::float8[], $3::int[], $4::int[], $5::int[], $6::int[], $7::bigint[])
       AS r(i, t, p, w, f, u, o)
     ON CONFLICT (service_id, hour) DO UPDATE SET pass = h.pass + excluded.pass, warn = h.warn + excluded.warn,
       fail = h.fail + excluded.fail, unknown = h.unknown + excluded.unknown,
       observed_ms = excluded.observed_ms + coalesce(h.observed_ms, (h.pass + h.warn + h.fail + h.unknown)::bigint
         * (SELECT interval_ms FROM matrix.services s WHERE s.id = h.service_id))`,
    columns(
      [...uptime.values()],
      ({ serviceId, hourMs, counts, observedMs: ms }) => [
        serviceId,
        hourMs,
        counts.pass,
        counts.warn,
        counts.fail,
        counts.unknown,
        Math.round(ms),
      ],
      7,
    ),
  );
}

/** Opens alerts; a service that has an unacknowledged one gets none. Answers those that were opened. */
export async function insertAlerts(
  client: pg.ClientBase,
  customerId: string,
  alerts: readonly NewAlert[],
  rev: number,
): Promise<Alert[]> {
  if (alerts.length === 0) return [];
  const { rows } = await client.query<Alert>(
    `INSERT INTO matrix.alerts AS x (customer_id, rev, service, severity, code, message, created_at)
     SELECT $1, $2, s, v, c, m, ${at('t')}
     FROM unnest($3::text[], $4::matrix.severity[], $5::text[], $6::text[], $7::float8[]) AS r(s, v, c, m, t)
     ON CONFLICT (service) WHERE acked_at IS NULL DO NOTHING RETURNING ${ALERT_COLUMNS}`,
    [
      customerId,
      rev,
      ...columns(alerts, (row) => [row.service, row.severity, row.code, row.message, row.createdAt], 5),
    ],
  );
  return rows;
}
