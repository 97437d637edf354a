/** What is read has the promised shape, and stays quick on a store that has grown. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import pg from 'pg';
import Type, { type TSchema } from 'typebox';
import {
  AlertSchema,
  CheckSchema,
  CycleSchema,
  HistoryRowSchema,
  ServiceSchema,
  UptimeRowSchema,
} from '../../schema/wire.js';
import { serviceHistory, uptimeReport } from '../../src/store/history.js';
import { migrate } from '../../src/store/migrate.js';
import { createPool } from '../../src/store/pool.js';
import * as reads from '../../src/store/reads.js';
import { ensurePartitions } from '../../src/writer/write.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { sqlDirectory } from '../writer/writer-kit.js';

const SERVICES = 100;
const DAYS = 4;
const DAY_MS = 86_400_000;

let postgres: TestPostgres;
let pool: pg.Pool;

before(async () => {
  postgres = await startPostgres(['fsync=off']);
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await migrate(client, sqlDirectory);
  const days = Array.from({ length: DAYS + 1 }, (_, n) => Date.now() - n * DAY_MS);
  await ensurePartitions(client, days, new Set());
  await client.query(FILL);
  await client.end();
  pool = createPool(postgres.url, { name: 'test' });
});
after(async () => {
  await pool.end();
  await postgres.close();
});

const FILL = `
  INSERT INTO matrix.services (customer_id, name, family, target, source, config, interval_ms)
    SELECT 'axe', 'service ' || n, 'http', 'service ' || n, (ARRAY['config', 'api', 'discovered'])[1 + n % 3],
      '{"url": "http://localhost/"}', 30000 FROM generate_series(1, ${SERVICES}) n;
  INSERT INTO matrix.results (service_id, due_at, started_at, duration_ms, verdict, customer_id, code, detail)
    SELECT s, at, at, 12.345, v::matrix.verdict, 'axe', CASE v WHEN 'fail' THEN 'timeout' END, 'detail'
    FROM generate_series(1, ${SERVICES}) s,
      generate_series(now() - interval '${DAYS} days', now(), interval '5 minutes') at,
      LATERAL (SELECT (ARRAY['pass', 'pass', 'pass', 'warn', 'fail', 'unknown'])[1 + (s + extract(epoch FROM at)::int / 300) % 6] AS v) x;
  INSERT INTO matrix.service_state (service_id, verdict, code, detail, since, due_at, started_at, duration_ms, rev)
    SELECT DISTINCT ON (service_id) service_id, verdict, code, detail, due_at, due_at, started_at, duration_ms, service_id
    FROM matrix.results WHERE service_id < ${SERVICES} ORDER BY service_id, due_at DESC;
  INSERT INTO matrix.uptime_hourly (service_id, hour, pass, warn, fail, unknown)
    SELECT service_id, date_trunc('hour', due_at), count(*) FILTER (WHERE verdict = 'pass'),
      count(*) FILTER (WHERE verdict = 'warn'), count(*) FILTER (WHERE verdict = 'fail'),
      count(*) FILTER (WHERE verdict = 'unknown') FROM matrix.results GROUP BY 1, 2;
  INSERT INTO matrix.cycles (customer_id, ts, interval_ms, duration_ms, pass, fail, closed_at)
    SELECT 'axe', at, 30000, 123.456, 3, (extract(epoch FROM at)::int / 30) % 2, at
    FROM generate_series(now() - interval '2 days', now(), interval '30 seconds') at;
  INSERT INTO matrix.alerts (customer_id, service, message, created_at, acked_at, acked_by, rev)
    SELECT 'axe', 'service ' || n % ${SERVICES}, 'is down', now() - n * interval '1 minute',
      CASE WHEN n > ${SERVICES} THEN now() END, CASE WHEN n > ${SERVICES} THEN 'operator' END, n
    FROM generate_series(1, 20000) n;
  UPDATE matrix.revision SET rev = 20000;
  UPDATE matrix.services SET removed_at = now(), rev = 19999 WHERE id = 7;
  ANALYZE matrix.results; ANALYZE matrix.alerts; ANALYZE matrix.cycles; ANALYZE matrix.services;`;

const ajv = new Ajv({ strict: true, allErrors: true });
addFormats.default(ajv);
function assertShape(schema: TSchema, value: unknown): void {
  const closed = JSON.parse(JSON.stringify(schema), (_, node) =>
    node?.type === 'object' && node.properties !== undefined
      ? { ...node, additionalProperties: false }
      : node,
  );
  const validate = ajv.compile(closed);
  assert.ok(validate(value), JSON.stringify(validate.errors?.slice(0, 3)));
}

describe('shapes', () => {
  test('a snapshot: every service that is watched, the newest cycle, the open alerts', async () => {
    const snapshot = await reads.loadSnapshot(pool);
    assertShape(Type.Array(CheckSchema), snapshot.checks);
    assertShape(Type.Array(AlertSchema), snapshot.alerts);
    assertShape(CycleSchema, snapshot.cycle);
    assert.equal(snapshot.rev, 20_000);
    assert.equal(snapshot.checks.length, SERVICES - 1, 'a removed service is not shown');
    assert.equal(snapshot.checks.find((check) => check.service === `service ${SERVICES}`)?.status, 'unknown');
    assert.equal(snapshot.alerts.length, SERVICES);
    const newest = await postgres.query(`SELECT to_json(max(ts))#>>'{}' AS ts FROM matrix.cycles`);
    assert.equal(Date.parse(snapshot.cycle?.ts ?? ''), Math.floor(Date.parse(String(newest[0]?.['ts']))));
  });

  test('a history: newest first, of the service and the time that were asked for, at most so many', async () => {
    const rows = (await serviceHistory(pool, { service: 'service 5', hours: 24, limit: 100 }))?.history;
    assertShape(Type.Array(HistoryRowSchema), rows);
    assert.equal(rows?.length, 100);
    const stamps = rows?.map((row) => row.ts) ?? [];
    assert.deepEqual(stamps, [...stamps].sort().reverse());
    const hour = (await serviceHistory(pool, { service: 'service 5', hours: 1, limit: 100 }))?.history;
    assert.ok((hour?.length ?? 0) >= 11 && (hour?.length ?? 0) <= 13);
    assert.equal(await serviceHistory(pool, { service: 'nobody', hours: 1, limit: 100 }), null);
    assert.equal(await serviceHistory(pool, { service: 'service 7', hours: 1, limit: 100 }), null);
  });

  test('alerts, uptime, services, changes', async () => {
    const open = await reads.listAlerts(pool, { includeAcked: false, limit: 50 });
    const all = await reads.listAlerts(pool, { includeAcked: true, limit: 150 });
    assertShape(Type.Array(AlertSchema), [...open, ...all]);
    assert.deepEqual([open.length, all.length], [50, 150]);
    assert.ok(open.every((alert) => alert.acked_at === null));
    assert.ok(all.some((alert) => alert.acked_at !== null));
    const uptime = await uptimeReport(pool, { days: 7 });
    assertShape(Type.Array(UptimeRowSchema), uptime);
    for (const row of uptime.slice(0, 5)) {
      assert.equal(row.total, row.passes + row.fails);
      assert.equal(row.uptime_percent, Math.round((row.passes / row.total) * 10_000) / 100);
    }
    assertShape(Type.Array(ServiceSchema), await reads.listServices(pool));
    const changes = await reads.changesSince(pool, 19_990);
    assertShape(Type.Array(AlertSchema), changes.alerts);
    assert.deepEqual([changes.rev, changes.removed, changes.alerts.length], [20_000, ['service 7'], 10]);
  });
});

/** Runs `read` and answers how PostgreSQL ran its statements, by its own account. */
async function plans(read: (db: pg.Pool) => Promise<unknown>): Promise<string> {
  const texts: string[] = [];
  const explaining = {
    query: async (text: string, values?: unknown[]) => {
      const { rows } = await pool.query(`EXPLAIN (FORMAT TEXT) ${text}`, values);
      texts.push(rows.map((row) => String(row['QUERY PLAN'])).join('\n'));
      return pool.query(text, values);
    },
  };
  await read(explaining as unknown as pg.Pool);
  return texts.join('\n');
}

describe('on a store of 115,000 results, 20,000 alerts and 5,800 cycles', () => {
  test('there are that many', async () => {
    const rows = await postgres.query('SELECT count(*) AS n FROM matrix.results');
    assert.ok(Number(rows[0]?.['n']) > 110_000);
  });

  test('a history is an index scan, of the days that it covers only', async () => {
    const plan = await plans((db) => serviceHistory(db, { service: 'service 5', hours: 24, limit: 100 }));
    assert.match(plan, /Index Scan.* on results_\d{8}/);
    assert.doesNotMatch(plan, /Seq Scan on results/);
    assert.doesNotMatch(plan, /Sort Key: results/, 'the index has the order already');
  });

  test('the newest alerts are read from the end of an index, acknowledged or not', async () => {
    const open = await plans((db) => reads.listAlerts(db, { includeAcked: false, limit: 20 }));
    assert.match(open, /alerts_unacked_newest/);
    const all = await plans((db) => reads.listAlerts(db, { includeAcked: true, limit: 50 }));
    assert.match(all, /alerts_newest/);
    for (const plan of [open, all]) assert.doesNotMatch(plan, /Seq Scan on alerts/);
  });

  test('the status touches no result, and neither cycles nor alerts as a whole', async () => {
    const plan = await plans((db) => reads.loadSnapshot(db));
    assert.doesNotMatch(plan, /on results/);
    assert.doesNotMatch(plan, /Seq Scan on (alerts|cycles)/);
    assert.match(plan, /cycles_ts_key/);
  });

  test('an uptime report reads hours, not results', async () => {
    const plan = await plans((db) => uptimeReport(db, { days: 7 }));
    assert.doesNotMatch(plan, /on results/);
  });
});
