/** Lost if this fails: a database, or a writer, that is asked for more at once than anybody meant. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LIMITS } from '../../src/contract/limits.js';
import { Database } from '../../src/front/database.js';
import { createLogger } from '../../src/log/logger.js';
import { gather } from '../../src/queue/batches.js';
import { queuedDues } from '../../src/queue/queued.js';
import { openBoss, RESULTS_QUEUE } from '../../src/queue/queues.js';
import { logTail } from '../../src/store/embedded/log-file.js';
import { remember } from '../../src/writer/batch.js';
import { registerService, removeService } from '../../src/writer/commands.js';
import { Crowd } from '../../src/writer/crowd.js';
import { batchOf, resultOf } from '../queue/batch-kit.js';
import { until } from '../support/wait.js';
import { directoryOf, entryOf } from '../writer/directory-kit.js';
import { type Rig, startRig } from '../writer/writer-kit.js';

let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(() => rig.close());

const register = (name: string) =>
  registerService(rig.pool, {
    name,
    family: 'http',
    config: { name },
    intervalMs: 1_000,
    customerId: 'axe',
    node: 'test',
  });

test('registered_services: as many as that, also when several people register at once', async () => {
  const { value: most } = LIMITS.registered_services;
  await rig.pool.query(
    `INSERT INTO matrix.services (customer_id, name, family, target, source, interval_ms)
     SELECT 'axe', 'api ' || n, 'http', 'api ' || n, 'api', 1000 FROM generate_series(1, $1) n`,
    [most - 1],
  );
  const two = await Promise.allSettled([register('one'), register('two')]);
  const refused = two.flatMap((one) => (one.status === 'rejected' ? [one.reason as { code?: string }] : []));
  assert.deepEqual(
    refused.map(({ code }) => code),
    ['MX_LIMIT'],
  );
  await removeService(rig.pool, { name: 'api 1', node: 'test' });
  await register('in its place');
  await rig.pool.query(`DELETE FROM matrix.services WHERE source = 'api'`);
});

test('writer_jobs and queued_batches_read: a long queue is worked off in transactions of that size', async () => {
  const jobs = Array.from({ length: 3 * LIMITS.writer_jobs.value }, (_, index) => ({
    data: batchOf([resultOf('a stranger', 1_700_000_000_000 + index * 1_000)]),
  }));
  const before = rig.writer.last()?.jobs ?? 0;
  const boss = await openBoss(rig.pool, { maintain: false, onError: () => undefined });
  await boss.insert(RESULTS_QUEUE, jobs);
  await until('all are done', () => (rig.writer.last()?.jobs ?? 0) === before + jobs.length);
  const counts = rig.writer.stats.map((stats) => stats.jobs);
  const steps = counts.map((count, index) => count - (counts[index - 1] ?? 0));
  assert.ok(Math.max(...steps) <= LIMITS.writer_jobs.value);
  await rig.writer.stop();

  const { value: read } = LIMITS.queued_batches_read;
  const instant = (index: number): number => 1_700_000_000_000 + index;
  for (let index = 0; index < 2; index += 1) {
    // The order of reading is that of the statements.
    const target = index === 0 ? 'oldest' : 'newer';
    const count = index === 0 ? 1 : read;
    await boss.insert(
      RESULTS_QUEUE,
      Array.from({ length: count }, (_, at) => ({
        data: { results: [{ target, service: target, dueAt: instant(at) }] },
      })),
    );
  }
  assert.deepEqual([...(await queuedDues(rig.pool))], [['newer', instant(read - 1)]]);
  await boss.stop({ graceful: false });
});

test('database_connections: requests share so many, however many there are', async (t) => {
  const log = createLogger({
    service: 'test',
    level: 'error',
    format: 'json',
    write: (bytes) => bytes.length,
  });
  const database = new Database(log, { onListening: async () => {}, onRevision: () => {} });
  t.after(() => database.close());
  database.use(rig.postgres.url);
  await until('the database answers', () => database.reason === null);
  const asked = Array.from({ length: 5 * LIMITS.database_connections.value }, () =>
    database.pool.query('SELECT pg_sleep(0.2)'),
  );
  let most = 0;
  let done = false;
  const all = Promise.all(asked).then(() => {
    done = true;
  });
  while (!done) {
    const { rows } = await rig.pool.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'matrix front'`,
    );
    most = Math.max(most, rows[0]?.n ?? 0);
  }
  await all;
  assert.equal(most, LIMITS.database_connections.value);
});

test('discovered_services: one target cannot bring in services without end', () => {
  const { value: most } = LIMITS.discovered_services;
  const directory = directoryOf(entryOf('engine'));
  const crowd = new Crowd(directory);
  const found = (index: number) => resultOf(`engine/${index}`, 1_000, 'pass', { target: 'engine' });
  const admitted = Array.from({ length: most + 5 }, (_, index) => crowd.admits(found(index)));
  assert.equal(admitted.filter(Boolean).length, most);
  assert.match(crowd.tell(resultOf('engine', 1_000)).detail, /; 5 of its services are left out/);
});

test('known_days: results of strange days are not all remembered', () => {
  const known = new Set<number>();
  const { value: most } = LIMITS.known_days;
  for (let day = 0; day < 10 * most; day += 1) {
    remember(known, [day]);
    assert.ok(known.size <= most && known.has(day));
  }
  remember(
    known,
    Array.from({ length: 3 * most }, (_, day) => day),
  );
  assert.ok(known.size <= most);
});

test('batch_results: results of many calls travel in batches of that size', () => {
  const { value: most } = LIMITS.batch_results;
  const entries = Array.from({ length: 3 * most }, (_, index) => ({
    results: [resultOf(`s${index}`, index)],
  }));
  assert.deepEqual(
    gather(entries, 'test').map(({ results }) => results.length),
    [most, most, most],
  );
});

test('postgres_log_tail: an error repeats the end of the log, not all of it', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mx-log-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'log');
  writeFileSync(file, `${'x'.repeat(100_000)} the end`);
  const tail = await logTail(file);
  assert.equal(tail.length, LIMITS.postgres_log_tail.value);
  assert.ok(tail.endsWith('the end'));
});
