/**
 * Everything that is read from the store. Rows come out in their wire shapes, made by PostgreSQL, so there is
 * one place per shape and no mapping in between. Instants are ISO 8601 with milliseconds, UTC.
 */
import type { Changes } from '../../schema/messages.js';
import type { Alert, Check, Cycle, Service } from '../../schema/wire.js';
import { LIMITS } from '../contract/limits.js';
import type { Db } from './pool.js';

/** An instant as ISO 8601 text. */
export const iso = (column: string): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** A duration with microseconds: what `real` holds beyond them is noise. */
export const milliseconds = (column: string): string => `round(${column}::numeric, 3)::float8`;

const CHECK_COLUMNS = `s.name AS service, s.family, coalesce(t.verdict, 'unknown')::text AS status, t.code,
  coalesce(t.detail, 'no result yet') AS detail, ${iso('t.since')} AS since, ${iso('t.started_at')} AS checked_at,
  ${milliseconds('t.duration_ms')} AS duration_ms, s.interval_ms / 1000.0::float8 AS interval_s,
  coalesce(t.measurements, '[]') AS measurements, coalesce(t.facts, '{}') AS facts, true AS stored`;

export const ALERT_COLUMNS = `id, customer_id, service, severity::text, code, message, ${iso('created_at')} AS created_at,
  ${iso('acked_at')} AS acked_at, acked_by`;

export const CYCLE_COLUMNS = `id, ${iso('ts')} AS ts, ${milliseconds('duration_ms')} AS duration_ms, overall,
  closed_at IS NOT NULL AS closed,
  json_build_object('pass', pass, 'warn', warn, 'fail', fail, 'unknown', unknown) AS counts`;

/** Clocks of two hosts may differ by this much, in ms. */
const SKEW_MS = 5_000;

/**
 * SQL for the JSON of the cycle that is now, by a clock in epoch ms: not one from the future, which a clock left behind
 * that was set back since, unless there is no other.
 */
export const NEWEST_CYCLE = (now: string): string => {
  const newest = (where: string): string => `(SELECT row_to_json(y) FROM (
    SELECT ${CYCLE_COLUMNS} FROM matrix.cycles z ${where} ORDER BY z.ts DESC LIMIT 1) y)`;
  return `coalesce(${newest(`WHERE z.ts <= to_timestamp((${now}::float8 + ${SKEW_MS}) / 1000)`)}, ${newest('')})`;
};

export interface StoredSnapshot {
  readonly rev: number;
  readonly checks: Check[];
  /** Unacknowledged, newest first. */
  readonly alerts: Alert[];
  readonly cycle: Cycle | null;
}

/** The whole newest truth, as of one instant. */
export async function loadSnapshot(db: Db, nowMs: number = Date.now()): Promise<StoredSnapshot> {
  const { rows } = await db.query<{ snapshot: StoredSnapshot }>(
    `SELECT json_build_object(
      'rev', (SELECT rev FROM matrix.revision),
      'checks', coalesce((SELECT json_agg(c) FROM (
        SELECT ${CHECK_COLUMNS} FROM matrix.services s LEFT JOIN matrix.service_state t ON t.service_id = s.id
        WHERE s.removed_at IS NULL ORDER BY s.name) c), '[]'),
      'alerts', coalesce((SELECT json_agg(a) FROM (
        SELECT ${ALERT_COLUMNS} FROM matrix.alerts x WHERE acked_at IS NULL
        ORDER BY x.created_at DESC LIMIT ${LIMITS.live_alerts.value}) a), '[]'),
      'cycle', ${NEWEST_CYCLE('$1')}
    ) AS snapshot`,
    [nowMs],
  );
  const snapshot = rows[0]?.snapshot;
  if (snapshot === undefined) throw new Error('a SELECT without FROM answered no row');
  return snapshot;
}

/** What changed after revision `rev`: for a front that heard of commits made by another process. */
export async function changesSince(db: Db, rev: number, nowMs: number = Date.now()): Promise<Changes> {
  const { rows } = await db.query<{ changes: Changes }>(
    `SELECT json_build_object(
      'rev', (SELECT rev FROM matrix.revision),
      'checks', coalesce((SELECT json_agg(c) FROM (
        SELECT ${CHECK_COLUMNS} FROM matrix.services s LEFT JOIN matrix.service_state t ON t.service_id = s.id
        WHERE s.removed_at IS NULL AND (t.rev > $1 OR s.rev > $1)) c), '[]'),
      'removed', coalesce((SELECT json_agg(s.name) FROM matrix.services s WHERE s.rev > $1
        AND s.removed_at IS NOT NULL AND NOT EXISTS (
          SELECT 1 FROM matrix.services n WHERE n.name = s.name AND n.removed_at IS NULL)), '[]'),
      'alerts', coalesce((SELECT json_agg(a) FROM (
        SELECT ${ALERT_COLUMNS} FROM matrix.alerts x WHERE x.rev > $1 ORDER BY x.created_at DESC
        LIMIT ${LIMITS.live_alerts.value}) a), '[]'),
      'cycle', ${NEWEST_CYCLE('$2')}
    ) AS changes`,
    [rev, nowMs],
  );
  const changes = rows[0]?.changes;
  if (changes === undefined) throw new Error('a SELECT without FROM answered no row');
  return changes;
}

/** Newest first. */
export async function listAlerts(db: Db, query: { includeAcked: boolean; limit: number }): Promise<Alert[]> {
  const { rows } = await db.query<Alert>(
    `SELECT ${ALERT_COLUMNS} FROM matrix.alerts x ${query.includeAcked ? '' : 'WHERE x.acked_at IS NULL'}
     ORDER BY x.created_at DESC LIMIT $1`,
    [query.limit],
  );
  return rows;
}

/** Every service that is watched, by name. */
export async function listServices(db: Db): Promise<Service[]> {
  const { rows } = await db.query<Service>(
    `SELECT name, family, source, config, ${iso('created_at')} AS created_at
     FROM matrix.services s WHERE removed_at IS NULL ORDER BY name`,
  );
  return rows;
}

/** The batch of the newest list of configured targets that was applied; null before the first. */
export async function newestDeclaration(db: Db): Promise<string | null> {
  const { rows } = await db.query<{ batch: string }>('SELECT batch FROM matrix.declaration');
  return rows[0]?.batch ?? null;
}

/** Targets that were registered at run time, as `registerService` stored them. */
export async function registeredTargets(db: Db): Promise<{ name: string; family: string; config: object }[]> {
  const { rows } = await db.query<{ name: string; family: string; config: object }>(
    `SELECT name, family, config FROM matrix.services WHERE removed_at IS NULL AND source = 'api' ORDER BY name`,
  );
  return rows;
}
