/** Batches that nobody should send, services that come and go, and clocks that were wrong. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Batch } from '../../schema/messages.js';
import { changesSince, loadSnapshot } from '../../src/store/reads.js';
import { batchOf, resultOf } from '../queue/batch-kit.js';
import { until } from '../support/wait.js';
import { count, declaration, fold, type Rig, startRig } from './writer-kit.js';

let rig: Rig;
let postgres: Rig['postgres'];
let producer: Rig['producer'];
let writer: Rig['writer'];
let pool: Rig['pool'];
let settled: Rig['settled'];
const START = Math.floor(Date.now() / 30_000) * 30_000 - 600_000;

before(async () => {
  rig = await startRig();
  ({ postgres, producer, writer, pool, settled } = rig);
});
after(() => rig.close());

const stateOf = async (name: string) =>
  (await loadSnapshot(pool)).checks.find((check) => check.service === name);
const buried = (): Promise<number> => count(postgres, `pgboss.job WHERE name = 'matrix-results-dead'`);
const job = (data: object): Promise<unknown> =>
  postgres.query(`INSERT INTO pgboss.job (name, data) VALUES ('matrix-results', $1)`, [JSON.stringify(data)]);

test('a batch queued before the clock of the database stepped back does not wait for that hour again', async () => {
  producer.add({ declare: declaration('early') });
  await settled();
  await postgres.query(
    `INSERT INTO pgboss.job (name, data, created_on, start_after)
     VALUES ('matrix-results', $1, now() + interval '1 hour', now() + interval '1 hour')`,
    [JSON.stringify(batchOf([resultOf('early', START)]))],
  );
  await until('it is stored', async () => (await stateOf('early'))?.status === 'pass');
});

describe('a batch that cannot be stored', () => {
  before(async () => {
    producer.add({ declare: declaration('a', 'b') });
    await settled();
  });

  const one = (more: object): Batch => batchOf([resultOf('a', START, 'pass', more)]);
  for (const [what, poison] of [
    ['is not a batch', { v: 2, hello: 'world' }],
    ['is null', null],
    ['has results of the wrong shape', { ...one({}), results: [{ service: 'a' }] }],
    ['has measurements that are none', one({ measurements: { name: 'x' } })],
    ['has a severity that does not exist', one({ verdict: 'fail', severity: 'apocalyptic' })],
    ['declares a name twice', batchOf([], { declare: declaration('a', 'b', 'n', 'n') })],
    [
      'has a code longer than an index row',
      batchOf([resultOf(randomBytes(9_000).toString('hex'), START, 'fail', { target: 'a' })]),
    ],
  ] as const) {
    test(`because it ${what}, is put aside or left out, and holds nothing up`, async () => {
      const before_ = await buried();
      await job(poison as object);
      const dueAt = START + 1_000 * (await count(postgres, 'matrix.results')) + 500;
      producer.add({ results: [resultOf('b', dueAt)] });
      await until('what follows is stored', async () => (await stateOf('b'))?.detail === `pass at ${dueAt}`);
      await settled();
      assert.ok((await buried()) - before_ <= 1);
      assert.equal(writer.isActive(), true);
    });
  }

  test('was kept aside with the reason for it, where an operator finds it', async () => {
    const rows = await postgres.query(`SELECT data FROM pgboss.job WHERE name = 'matrix-results-dead'`);
    assert.ok(rows.length >= 4);
    for (const row of rows) assert.ok((row['data'] as { reason: string }).reason.length > 0);
  });

  test('takes no other result with it when only one of its results is odd', async () => {
    const before_ = await buried();
    producer.add({
      results: [
        resultOf('a', START + 700, 'pass', { durationMs: 1e300 }),
        resultOf('a', 8.7e15, 'fail'),
        resultOf('b', START + 700),
      ],
    });
    await settled();
    assert.equal(await buried(), before_);
    const stored = `matrix.results WHERE due_at = to_timestamp($1 / 1000.0)`;
    assert.equal(await count(postgres, stored, [START + 700]), 2);
  });
});

describe('a clock that was ahead', () => {
  test('does not silence a service for ever: what is true now counts again', async () => {
    producer.add({ declare: declaration('a', 'b', 'ahead') });
    const farFuture = Date.UTC(2200, 0, 1);
    producer.add({ results: [resultOf('ahead', farFuture, 'pass')] });
    await until('it is stored', async () => (await stateOf('ahead'))?.status === 'pass');
    producer.add({ results: [resultOf('ahead', Date.now(), 'fail')] });
    await until('the failure is seen', async () => (await stateOf('ahead'))?.status === 'fail');
    assert.equal(await count(postgres, `matrix.alerts WHERE service = 'ahead'`), 1);
  });
});

describe('cycles', () => {
  const cycleOf = async (ts: number) =>
    (
      await postgres.query(
        `SELECT expected, skipped FROM matrix.cycles WHERE ts = to_timestamp($1 / 1000.0) AND closed_at IS NOT NULL`,
        [ts],
      )
    )[0];
  const closing = (ts: number, expected: number) =>
    batchOf([], { cycles: [{ ts, intervalMs: 30_000, expected, skipped: 1 }] });

  test('a batch that is replayed closes nothing twice; a collector that starts in the middle adds its part', async () => {
    const ts = START + 30_000;
    const batch = closing(ts, 5);
    // Twice in one statement, and once more after that.
    await pool.query(
      `INSERT INTO pgboss.job (name, data) SELECT 'matrix-results', d FROM unnest($1::jsonb[]) AS d`,
      [[JSON.stringify(batch), JSON.stringify(batch)]],
    );
    await settled();
    await job(batch);
    await settled();
    assert.deepEqual(await cycleOf(ts), { expected: 5, skipped: 1 });
    await job(closing(ts, 2));
    await settled();
    assert.deepEqual(await cycleOf(ts), { expected: 7, skipped: 2 });
  });

  test('the newest is the one of now, not one that a clock left in the future', async () => {
    const now = Math.floor(Date.now() / 30_000) * 30_000;
    await job(closing(now + 3_600_000, 1));
    await settled();
    await job(closing(now, 1));
    await settled();
    const { cycle, rev } = await loadSnapshot(pool);
    assert.equal(cycle?.ts, new Date(now).toISOString());
    assert.deepEqual((await changesSince(pool, 0)).cycle, cycle);
    assert.deepEqual(writer.changes.at(-1)?.cycle, cycle);
    assert.ok(rev > 0);
    await pool.query('DELETE FROM matrix.cycles WHERE ts <= now()');
    const only = (await loadSnapshot(pool)).cycle;
    assert.ok(Date.parse(only?.ts ?? '') >= now + 3_600_000, 'one from the future is better than none');
  });
});

describe('targets that come and go', () => {
  test('removed, nothing of it comes back; added again, it begins anew; its old alert still waits', async () => {
    producer.add({ declare: declaration('a', 'b', 'comes') });
    producer.add({ results: [resultOf('comes', START, 'fail')] });
    await until('it is down', async () => (await stateOf('comes'))?.status === 'fail');
    producer.add({ declare: declaration('a', 'b') });
    producer.add({ results: [resultOf('comes', START + 1_000, 'fail')] });
    await settled();
    assert.equal(await stateOf('comes'), undefined);
    assert.deepEqual(writer.changes.filter((change) => change.removed.includes('comes')).length, 1);
    producer.add({ declare: declaration('a', 'b', 'comes') });
    await until('it is there again', async () => (await stateOf('comes')) !== undefined);
    assert.equal((await stateOf('comes'))?.status, 'unknown');
    producer.add({ results: [resultOf('comes', START + 2_000, 'fail')] });
    await until('it is down again', async () => (await stateOf('comes'))?.status === 'fail');
    assert.equal(await count(postgres, `matrix.alerts WHERE service = 'comes'`), 1);
  });

  test('removed and added again in one breath, it is not announced as gone', async () => {
    const from = writer.changes.length;
    // Both in one statement, the newer first: they are stored in the order in which they were made.
    const flip = [declaration('a', 'b'), declaration('a', 'b', 'comes')].map((declare) =>
      batchOf([], { declare }),
    );
    await pool.query(
      `INSERT INTO pgboss.job (id, name, data)
       SELECT (d->>'id')::uuid, 'matrix-results', d FROM unnest($1::jsonb[]) AS d ORDER BY d->>'id' DESC`,
      [flip.map((batch) => JSON.stringify(batch))],
    );
    await settled();
    await until('it is announced', () => writer.changes.length > from);
    assert.equal(fold(writer.changes).has('comes'), true);
  });

  test('what changed is what a front that heard nothing reads later', async () => {
    const rev = (await loadSnapshot(pool)).rev;
    producer.add({ results: [resultOf('a', START + 90_000, 'warn')] });
    await until('it is stored', async () => (await stateOf('a'))?.status === 'warn');
    const changes = await changesSince(pool, rev);
    assert.deepEqual(
      changes.checks.map((check) => check.service),
      ['a'],
    );
    assert.deepEqual(await stateOf('a'), changes.checks[0]);
    assert.deepEqual(writer.changes.at(-1)?.checks, changes.checks, 'and what the writer announced itself');
  });
});
