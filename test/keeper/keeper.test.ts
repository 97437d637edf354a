/** Old days go, the next ones are there in time, and nothing else is touched. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { keep } from '../../src/keeper/keeper.js';
import { migrate } from '../../src/store/migrate.js';
import { createPool } from '../../src/store/pool.js';
import { ensurePartitions } from '../../src/writer/write.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { sqlDirectory } from '../writer/writer-kit.js';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 2, 10, 13);
let postgres: TestPostgres;
let pool: pg.Pool;

before(async () => {
  postgres = await startPostgres();
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await migrate(client, sqlDirectory);
  await ensurePartitions(
    client,
    Array.from({ length: 12 }, (_, n) => NOW - n * DAY_MS),
    new Set(),
  );
  await client.query(`
    CREATE TABLE matrix.archive_2019 PARTITION OF matrix.results FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');
    INSERT INTO matrix.results (service_id, due_at, started_at, duration_ms, verdict, customer_id, detail)
    SELECT 1, at, at, 1, 'pass', 'axe', '' FROM generate_series('2026-02-27'::timestamptz, '2026-03-10', '1 hour') at`);
  await client.end();
  pool = createPool(postgres.url, { name: 'test', max: 1 });
});
after(async () => {
  await pool.end();
  await postgres.close();
});

const partitions = async (): Promise<string[]> =>
  (
    await postgres.query(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'matrix.results'::regclass ORDER BY 1`,
    )
  ).map((row) => String(row['name']).replace('matrix.', ''));

test('a long read (a backup) holds up no new day; a drop waits for the next round', async () => {
  const reader = new pg.Client({ connectionString: postgres.url });
  await reader.connect();
  await reader.query('BEGIN; SELECT count(*) FROM matrix.results');
  try {
    await assert.rejects(keep(pool, { now: NOW, keepDays: 7 }), /lock timeout/);
  } finally {
    await reader.query('COMMIT');
    await reader.end();
  }
  assert.ok((await partitions()).includes('results_20260312'));
  const { rows } = await pool.query('SHOW lock_timeout');
  assert.equal(rows[0]?.lock_timeout, '0');
});

test('days older than are kept are dropped whole; every other day stays, also what others attached', async () => {
  const report = await keep(pool, { now: NOW, keepDays: 7 });
  assert.deepEqual(report.dropped, [
    'results_20260227',
    'results_20260228',
    'results_20260301',
    'results_20260302',
  ]);
  const left = await partitions();
  assert.deepEqual(left, [
    'archive_2019',
    ...Array.from({ length: 10 }, (_, n) => `results_202603${String(n + 3).padStart(2, '0')}`),
  ]);
  const older = await postgres.query(
    `SELECT count(*) AS n FROM matrix.results WHERE due_at < '2026-03-03T00:00Z'`,
  );
  assert.equal(Number(older[0]?.['n']), 0);
});

test('a second round, and a second keeper at the same time, change nothing', async () => {
  const before_ = await partitions();
  const other = createPool(postgres.url, { name: 'other' });
  const reports = await Promise.all([pool, other].map((one) => keep(one, { now: NOW, keepDays: 7 })));
  await other.end();
  assert.deepEqual(
    reports.flatMap((report) => report.dropped),
    [],
  );
  assert.deepEqual(await partitions(), before_);
});
