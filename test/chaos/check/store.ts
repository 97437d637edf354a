/** What Matrix stored, read straight from its tables, with none of its code. */
import type { Database } from '../place/database.js';
import type { ClockEpoch } from '../place/stepped-clock.js';
import type { Stored } from './match.js';
import type { Alerted, Told } from './outages.js';

/** Targets read at a time: a long run has a million results. */
export const CHUNK = 100;

const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** The results of targets `first` to below `first + CHUNK`, each target's in order of (true) time. */
export async function readResults(
  database: Database,
  first: number,
  epochs: readonly ClockEpoch[],
): Promise<Map<number, Stored[]>> {
  const rows = await database.query<Omit<Stored, 'startedAt'>>(
    `SELECT substr(s.name, 3)::int AS target, ${ms('r.started_at')} AS "storedAt",
       r.duration_ms AS "durationMs", r.verdict, r.code, (r.facts->>'http_status')::int AS status
     FROM matrix.results r JOIN matrix.services s ON s.id = r.service_id
     WHERE s.name = ANY ($1)`,
    [Array.from({ length: CHUNK }, (_, index) => `t-${first + index}`)],
  );
  const byTarget = new Map<number, Stored[]>();
  for (const row of rows) {
    const result = { ...row, startedAt: trueTime(row.storedAt, epochs) };
    const list = byTarget.get(row.target);
    if (list === undefined) byTarget.set(row.target, [result]);
    else list.push(result);
  }
  for (const list of byTarget.values()) list.sort((a, b) => a.startedAt - b.startedAt);
  return byTarget;
}

/** The moment at which a process notices that its clock was stepped is not exact, in ms. */
const NOTICED_MS = 2_000;

/** The true instant behind one of the clock of Matrix. Steps are of an hour, so only one epoch fits. */
export function trueTime(at: number, epochs: readonly ClockEpoch[]): number {
  for (const [index, { from, offsetMs }] of epochs.entries()) {
    const until = (epochs[index + 1]?.from ?? Number.POSITIVE_INFINITY) + NOTICED_MS;
    const instant = at - offsetMs;
    if (instant >= from && instant < until) return instant;
  }
  return at;
}

async function grouped<T>(
  database: Database,
  sql: string,
  shape: (row: Record<string, unknown>) => T,
): Promise<Map<string, T[]>> {
  const groups = new Map<string, T[]>();
  for (const row of await database.query<Record<string, unknown>>(sql)) {
    const service = String(row['service']);
    groups.set(service, [...(groups.get(service) ?? []), shape(row)]);
  }
  return groups;
}

/** The notices of each service, as they stand in the durable queue. */
export function readNotices(database: Database): Promise<Map<string, Told[]>> {
  return grouped(
    database,
    `SELECT data->>'service' AS service, data->>'kind' AS kind, (data->>'at')::float8 AS at
     FROM pgboss.job WHERE name = 'matrix-notices'`,
    (row) => ({ kind: row['kind'] as Told['kind'], at: Number(row['at']) }),
  );
}

export function readAlerts(
  database: Database,
  epochs: readonly ClockEpoch[],
): Promise<Map<string, Alerted[]>> {
  return grouped(
    database,
    `SELECT service, ${ms('created_at')} AS created, ${ms('acked_at')} AS acked FROM matrix.alerts`,
    (row) => ({
      createdAt: Number(row['created']),
      trueCreatedAt: trueTime(Number(row['created']), epochs),
      ackedAt: row['acked'] === null ? null : Number(row['acked']),
    }),
  );
}

/** Sums that must agree with each other, as sentences when they do not. */
export async function wrongSums(database: Database): Promise<string[]> {
  const [row] = await database.query<Record<string, number>>(
    `SELECT (SELECT count(*) FROM matrix.results)::int AS results,
       (SELECT sum(pass + warn + fail + unknown) FROM matrix.uptime_hourly)::int AS uptime,
       (SELECT sum(pass + warn + fail + unknown) FROM matrix.cycles)::int AS cycles,
       (SELECT count(*) FROM (SELECT ts FROM matrix.cycles GROUP BY ts HAVING count(*) > 1) d)::int AS doubled,
       (SELECT sum(observed_ms) FROM matrix.results)::float8 AS spoken,
       (SELECT sum(observed_ms) FROM matrix.uptime_hourly)::float8 AS observed,
       (SELECT count(*) FROM matrix.results WHERE duration_ms < 0)::int AS negative,
       (SELECT count(*) FROM pgboss.job WHERE name = 'matrix-results-dead')::int AS buried`,
  );
  const of = (key: string): number => row?.[key] ?? Number.NaN;
  return [
    ...(of('uptime') === of('results') ? [] : [`uptime counts ${of('uptime')} of ${of('results')} results`]),
    ...(of('cycles') === of('results') ? [] : [`cycles count ${of('cycles')} of ${of('results')} results`]),
    ...(of('observed') === of('spoken')
      ? []
      : [`${of('observed')} ms count as observed, results speak for ${of('spoken')}`]),
    ...(of('doubled') === 0 ? [] : [`${of('doubled')} cycles stand twice`]),
    ...(of('negative') === 0 ? [] : [`${of('negative')} results have a negative duration`]),
    ...(of('buried') === 0 ? [] : [`${of('buried')} batches were put aside`]),
  ];
}
