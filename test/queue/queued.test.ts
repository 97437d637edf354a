/** Where the collector before left off: what is stored, and what still waits for the writer. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { queuedDues } from '../../src/queue/queued.js';
import { openBoss, RESULTS_QUEUE } from '../../src/queue/queues.js';
import { newestDues } from '../../src/store/dues.js';
import { migrate } from '../../src/store/migrate.js';
import { createClient, createPool, endClient } from '../../src/store/pool.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

const SQL = fileURLToPath(new URL('../../../schema/sql', import.meta.url));
const NOW = 1_700_000_000_123;
let postgres: TestPostgres;
let pool: pg.Pool;

before(async () => {
  postgres = await startPostgres();
  const client = createClient(postgres.url, { name: 'test' });
  await client.connect();
  await migrate(client, SQL);
  await endClient(client);
  pool = createPool(postgres.url, { name: 'test' });
});
after(async () => {
  await pool.end();
  await postgres.close();
});

test('the newest instant of 10,000 targets is one quick question, and only of what is watched', async () => {
  await pool.query(
    `WITH s AS (
       INSERT INTO matrix.services (customer_id, name, family, target, source, interval_ms, removed_at)
       SELECT 'axe', 't' || n, 'http', CASE n WHEN 3 THEN 't2' ELSE 't' || n END,
         CASE n WHEN 3 THEN 'discovered' ELSE 'config' END, 1000, CASE n WHEN 4 THEN now() END
       FROM generate_series(1, 10000) n WHERE n <> 5 RETURNING id
     ) INSERT INTO matrix.service_state (service_id, verdict, detail, since, due_at, started_at, duration_ms, rev)
     SELECT id, 'pass', '', now(), to_timestamp($1 / 1000.0), now(), 1, 1 FROM s`,
    [NOW],
  );
  const begun = performance.now();
  const dues = await newestDues(pool);
  const tookMs = performance.now() - begun;
  assert.equal(dues.size, 9_997);
  assert.deepEqual(
    ['t1', 't2', 't3', 't4', 't5'].map((name) => dues.get(name)),
    [NOW, NOW, undefined, undefined, undefined],
  );
  assert.ok(tookMs < 1_500, `${tookMs} ms`);
});

test('what waits in the queue counts, the newest of each target, and what is done does not', async () => {
  const boss = await openBoss(pool, { maintain: true, onError: () => undefined });
  try {
    const result = (target: string, dueAt: number, service = target): object => ({ service, target, dueAt });
    const data = (results: readonly object[]): { data: object } => ({ data: { results } });
    await boss.insert(RESULTS_QUEUE, [
      data([result('a', NOW), result('b', NOW + 5), result('engine', NOW + 9, 'engine/web')]),
      data([result('a', NOW + 1_000)]),
      data([]),
    ]);
    assert.deepEqual(
      await queuedDues(pool),
      new Map([
        ['a', NOW + 1_000],
        ['b', NOW + 5],
      ]),
    );
    const jobs = await boss.fetch(RESULTS_QUEUE, { batchSize: 10 });
    await boss.complete(
      RESULTS_QUEUE,
      jobs.map((job) => job.id),
    );
    assert.equal((await queuedDues(pool)).size, 0);
  } finally {
    await boss.stop({ graceful: false });
  }
});
