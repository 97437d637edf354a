/**
 * What is read of the past: results of one service, uptime of all. Time for which there is no result is told as not
 * observed. A result speaks from its beginning to when the next check is due (`observed_ms`).
 */

import type { HistoryRow, UptimeRow } from '../../schema/wire.js';
import { SELF_FAMILY } from '../contract/result.js';
import type { Db } from './pool.js';
import { iso, milliseconds } from './reads.js';

export interface ServiceHistory {
  /** Newest first. */
  readonly history: HistoryRow[];
  /** Seconds for which checks were due since the newest result and none has told; 0 while they come. null: not known. */
  readonly not_observed_s: number | null;
}

/**
 * A check that starts at most this late, in ms, counts as begun when it was due: else the little by which every check is
 * late would add up. One that starts later made up for a missed one: nobody looked in between.
 */
export const ON_TIME_MS = 1_000;

/** Longest that a check may take, in ms (the configuration's limit of `timeout_s`); beyond it a duration is an error. */
export const LONGEST_CHECK_MS = 300_000;

/** SQL for the instant from which a result speaks. */
const BEGUN = `CASE WHEN started_at - due_at > interval '${ON_TIME_MS} ms' THEN started_at ELSE due_at END`;

/** A check that runs has not told yet: so much, in ms, is no gap, besides one that was late or skipped. */
const RUNNING_MS = 10_000;

/** null when there is no such service. */
export async function serviceHistory(
  db: Db,
  query: { service: string; hours: number; limit: number },
): Promise<ServiceHistory | null> {
  const service = await db.query<{ id: number }>(
    'SELECT id FROM matrix.services WHERE name = $1 AND removed_at IS NULL',
    [query.service],
  );
  const id = service.rows[0]?.id;
  if (id === undefined) return null;
  // One row more than is shown, for what was before the oldest of them.
  const { rows } = await db.query<HistoryRow & { since_s: number | null }>(
    `SELECT ${iso('started_at')} AS ts, verdict::text AS status, code, detail,
       ${milliseconds('duration_ms')} AS duration_ms, ${gapSeconds('begun', 'older_at', 'older_ms', `least(older_ms / 2.0, ${ON_TIME_MS})`)} AS not_observed_s,
       ${gapSeconds('now()', 'begun', 'observed_ms', silentMs('observed_ms'))} AS since_s
     FROM (SELECT *, lead(begun) OVER newer AS older_at, lead(observed_ms) OVER newer AS older_ms
       FROM (SELECT due_at, started_at, ${BEGUN} AS begun, verdict, code, detail, duration_ms, observed_ms
         FROM matrix.results
         WHERE service_id = $1 AND due_at > now() - make_interval(secs => $2)
         ORDER BY results.due_at DESC LIMIT $3 + 1) x
       WINDOW newer AS (ORDER BY due_at DESC)) y
     ORDER BY y.due_at DESC LIMIT $3`,
    [id, query.hours * 3600, query.limit],
  );
  return {
    history: rows.map(({ since_s: _, ...row }) => row),
    not_observed_s: rows[0]?.since_s ?? null,
  };
}

/** SQL for how long, in ms, the newest result may be over and no newer one told, before that is a gap. */
const silentMs = (spokenMs: string): string => `2.0 * ${spokenMs} + ${RUNNING_MS}`;

/**
 * SQL for the seconds up to `until` that a result of `from`, which speaks for `spokenMs`, does not speak for. Less than
 * `allowedMs` is none: checks are late a little. NULL when it is not known for how long that result speaks.
 */
function gapSeconds(until: string, from: string, spokenMs: string, allowedMs: string): string {
  const gapMs = `(extract(epoch FROM ${until} - ${from}) * 1000 - ${spokenMs})`;
  return `CASE WHEN ${gapMs} > ${allowedMs} THEN round(${gapMs} / 1000)::float8
    WHEN ${gapMs} IS NOT NULL THEN 0 END`;
}

/**
 * Per service over the last `days` full hours' worth of days; unknown is never counted as up or down. Not observed is
 * what no result speaks for between the later of the beginning and the service's own, and the end of what the newest
 * result speaks for, or now when no newer one came for long: as in its history, so that both say the same whenever they
 * are asked. Each hour counts for itself, so that what was checked twice hides no gap in another.
 */
export async function uptimeReport(db: Db, query: { days: number }): Promise<UptimeRow[]> {
  const { rows } = await db.query<UptimeRow>(
    `WITH begun AS (
       SELECT service_id, interval_ms, duration_ms, ${BEGUN} AS begun, extract(epoch FROM ${BEGUN} - due_at) * 1000 AS late_ms
       FROM matrix.service_state JOIN matrix.services ON id = service_id
     ), newest AS (
       -- As the writer reckons observed_ms; from the state, so that no result is read.
       SELECT service_id, begun, interval_ms * greatest(1, ceil(
         (late_ms + least(duration_ms::numeric, ${LONGEST_CHECK_MS})) / interval_ms)) - late_ms AS spoken_ms
       FROM begun
     ), ends AS (
       SELECT service_id, CASE WHEN now() - begun - spoken_ms * interval '1 ms' > (${silentMs('spoken_ms')}) * interval '1 ms'
         THEN now() ELSE least(begun, now()) + spoken_ms * interval '1 ms' END AS until
       FROM newest
     ), spans AS MATERIALIZED (
       SELECT id, name, family, interval_ms, hours.since AS first_hour, greatest(hours.since, created_at) AS since,
         coalesce(ends.until, now() - interval_ms * interval '1 ms') AS until,
         coalesce(ends.until, now() - interval_ms * interval '1 ms') - interval '1 hour' AS last_whole_hour
       FROM matrix.services LEFT JOIN ends ON ends.service_id = services.id,
         (SELECT date_trunc('hour', now() - make_interval(days => $1)) + interval '1 hour') AS hours(since)
       WHERE removed_at IS NULL
     )
     SELECT s.name AS service, coalesce(u.pass + u.warn, 0) AS passes, coalesce(u.warn, 0) AS warns,
       coalesce(u.fail, 0) AS fails, coalesce(u.pass + u.warn + u.fail, 0) AS total,
       round(100.0 * (u.pass + u.warn) / nullif(u.pass + u.warn + u.fail, 0), 2)::float8 AS uptime_percent,
       CASE WHEN s.family <> '${SELF_FAMILY}' THEN greatest(0,
         floor(extract(epoch FROM s.until - s.since) - (coalesce(u.observed_ms, 0) + coalesce(u.blurred_ms, 0)) / 1000))::float8 END AS not_observed_s
     FROM spans s LEFT JOIN (
       SELECT h.service_id, sum(h.pass) AS pass, sum(h.warn) AS warn, sum(h.fail) AS fail, sum(least(
         coalesce(h.observed_ms, (h.pass + h.warn + h.fail + h.unknown)::bigint * w.interval_ms),
         CASE WHEN h.hour >= w.since AND h.hour <= w.last_whole_hour THEN 3600000 ELSE greatest(0, extract(epoch FROM
           least(h.hour + interval '1 hour', w.until) - greatest(h.hour, w.since)) * 1000)::bigint END
       )) AS observed_ms,
         -- An older Matrix counted checks, not time: what a check of one hour says of the next is not in it.
         max(w.interval_ms) FILTER (WHERE h.observed_ms IS NULL) AS blurred_ms
       FROM matrix.uptime_hourly h JOIN spans w ON w.id = h.service_id
       WHERE h.hour >= (SELECT min(first_hour) FROM spans) GROUP BY h.service_id
     ) u ON u.service_id = s.id ORDER BY s.name`,
    [query.days],
  );
  return rows;
}
