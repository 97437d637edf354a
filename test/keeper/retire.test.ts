import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import { SQL_DIR } from '../../src/config/paths.js';
import { retire } from '../../src/keeper/retire.js';
import { migrate } from '../../src/store/migrate.js';
import { createClient, createPool } from '../../src/store/pool.js';
import { loadSnapshot } from '../../src/store/reads.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

let postgres: TestPostgres;
let pool: pg.Pool;
const now = Date.now();

before(async () => {
  postgres = await startPostgres();
  const client = createClient(postgres.url, { name: 'test' });
  await client.connect();
  await migrate(client, SQL_DIR);
  await client.end();
  pool = createPool(postgres.url, { name: 'test' });
});
after(async () => {
  await pool.end();
  await postgres.close();
});

async function service(name: string, source: string, code: string | null, hoursAgo: number): Promise<void> {
  await pool.query(
    `WITH s AS (INSERT INTO matrix.services (customer_id, name, family, target, source, interval_ms)
       VALUES ('axe', $1, 'docker', 'engine', $2, 1000) RETURNING id)
     INSERT INTO matrix.service_state (service_id, verdict, code, detail, since, due_at, started_at, duration_ms, rev)
     SELECT id, 'unknown', $3, '', at, at, at, 0, 1 FROM s, (SELECT now() - make_interval(hours => $4) AS at) t`,
    [name, source, code, hoursAgo],
  );
}

test('containers that are gone for a day leave the board; nothing else does', async () => {
  await service('gone', 'discovered', 'not_reported', 25);
  await service('gone an hour ago', 'discovered', 'not_reported', 1);
  await service('cannot be judged', 'discovered', 'thread_hung', 25);
  await service('configured', 'config', 'not_reported', 25);
  await service('gone and unseen', 'discovered', 'not_reported', 25);
  await pool.query(
    `INSERT INTO matrix.alerts (customer_id, service, message, created_at, rev) VALUES ('axe', 'gone and unseen', 'down', now(), 1)`,
  );
  const { rev } = await loadSnapshot(pool);
  assert.deepEqual(await retire(pool, { now, node: 'test' }), ['gone']);
  const left = await loadSnapshot(pool);
  assert.ok(left.rev > rev, 'fronts elsewhere hear of it');
  assert.deepEqual(
    left.checks.map((check) => check.service),
    ['cannot be judged', 'configured', 'gone an hour ago', 'gone and unseen'],
  );
  assert.deepEqual(await retire(pool, { now, node: 'test' }), []);
});
