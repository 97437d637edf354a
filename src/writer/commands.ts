/**
 * Writes on behalf of operations (acknowledge, register, remove). They run in the process that serves the
 * request, in one short transaction, and announce themselves like the writer's own commits.
 */
import type pg from 'pg';
import type { Changes } from '../../schema/messages.js';
import type { Alert, Service } from '../../schema/wire.js';
import { MatrixError } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';
import { ALERT_COLUMNS, iso } from '../store/reads.js';
import { inTransaction, nextRevision } from './transaction.js';

/** The collector and the writer LISTEN here for targets that were registered or removed. */
export const TARGETS_CHANNEL = 'matrix_targets';

const UNIQUE_VIOLATION = '23505';

/** Acknowledges once; a second time changes nothing and says so. Answers null when there is no such alert. */
export async function acknowledgeAlert(
  db: pg.Pool,
  command: { alertId: string; ackedBy: string; node: string },
): Promise<{ alert: Alert; already: boolean; changes: Changes | null } | null> {
  const read = `SELECT ${ALERT_COLUMNS} FROM matrix.alerts x WHERE id = $1`;
  return inTransaction(db, async (client) => {
    const existing = (await client.query<Alert>(read, [command.alertId])).rows[0];
    if (existing === undefined) return null;
    if (existing.acked_at !== null) return { alert: existing, already: true, changes: null };
    // Its lock makes two people who acknowledge at once see one winner. Taken before any row: so does the writer.
    const rev = await nextRevision(client, command.node);
    const { rows } = await client.query<Alert>(
      `UPDATE matrix.alerts x SET acked_at = now(), acked_by = $2, rev = $3
       WHERE id = $1 AND acked_at IS NULL RETURNING ${ALERT_COLUMNS}`,
      [command.alertId, command.ackedBy, rev],
    );
    const alert = rows[0];
    if (alert === undefined) {
      const winner = (await client.query<Alert>(read, [command.alertId])).rows[0] ?? existing;
      return { alert: winner, already: true, changes: null };
    }
    return { alert, already: false, changes: { rev, checks: [], removed: [], alerts: [alert], cycle: null } };
  });
}

/** Adds a target that is watched from now on. MX_CONFLICT when the name is taken, MX_LIMIT when there are too many. */
export async function registerService(
  db: pg.Pool,
  command: {
    name: string;
    family: string;
    config: object;
    intervalMs: number;
    customerId: string;
    node: string;
  },
): Promise<Service> {
  try {
    return await inTransaction(db, async (client) => {
      // Its lock lets one register after the other, so that none is counted twice or not at all.
      const rev = await nextRevision(client, command.node);
      await refuseBeyondLimit(client);
      const { rows } = await client.query<Service>(
        `INSERT INTO matrix.services AS s (customer_id, name, family, target, source, config, interval_ms, rev)
         VALUES ($1, $2, $3, $2, 'api', $4, $5, $6)
         RETURNING name, family, source, config, ${iso('s.created_at')} AS created_at`,
        [
          command.customerId,
          command.name,
          command.family,
          JSON.stringify(command.config),
          command.intervalMs,
          rev,
        ],
      );
      await client.query(`SELECT pg_notify($1, '')`, [TARGETS_CHANNEL]);
      const service = rows[0];
      if (service === undefined) throw new Error('INSERT RETURNING answered no row');
      return service;
    });
  } catch (error) {
    if ((error as { code?: unknown }).code !== UNIQUE_VIOLATION) throw error;
    throw new MatrixError('MX_CONFLICT', `a service named "${command.name}" exists already`);
  }
}

async function refuseBeyondLimit(client: pg.PoolClient): Promise<void> {
  const { value: most } = LIMITS.registered_services;
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*) AS count FROM matrix.services WHERE removed_at IS NULL AND source = 'api'`,
  );
  if ((rows[0]?.count ?? 0) < most) return;
  throw new MatrixError('MX_LIMIT', `${most} services are registered already, and Matrix takes no more`);
}

/**
 * Stops watching a target and what was discovered through it; its results and alerts stay. Answers the changes,
 * or null when there is no such service. MX_CONFLICT when it is not for this call to remove.
 */
export async function removeService(
  db: pg.Pool,
  command: { name: string; node: string },
): Promise<Changes | null> {
  return inTransaction(db, async (client) => {
    const found = await client.query<{ source: string; target: string }>(
      'SELECT source, target FROM matrix.services WHERE name = $1 AND removed_at IS NULL',
      [command.name],
    );
    const service = found.rows[0];
    if (service === undefined) return null;
    if (service.source === 'config') {
      throw new MatrixError('MX_CONFLICT', `"${command.name}" comes from the config file; remove it there`);
    }
    if (service.source === 'discovered') {
      throw new MatrixError(
        'MX_CONFLICT',
        `"${command.name}" is reported by "${service.target}"; remove that`,
      );
    }
    const rev = await nextRevision(client, command.node);
    const { rows } = await client.query<{ name: string }>(
      `UPDATE matrix.services SET removed_at = now(), rev = $2
       WHERE target = $1 AND removed_at IS NULL RETURNING name`,
      [command.name, rev],
    );
    if (rows.length === 0) return null;
    await client.query(`SELECT pg_notify($1, '')`, [TARGETS_CHANNEL]);
    return { rev, checks: [], removed: rows.map((row) => row.name), alerts: [], cycle: null };
  });
}
