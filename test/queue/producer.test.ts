/** From the collector into the queue of a real PostgreSQL that dies, freezes and moves: all of it, once, in order. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Batch } from '../../schema/messages.js';
import { Producer } from '../../src/queue/producer.js';
import { openBoss } from '../../src/queue/queues.js';
import { Spool } from '../../src/queue/spool.js';
import { createPool } from '../../src/store/pool.js';
import { memoryLog } from '../support/log.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';
import { resultOf } from './batch-kit.js';

let postgres: TestPostgres;
let root: string;
let next = 0;
const open: Producer[] = [];

before(async () => {
  postgres = await startPostgres();
  root = mkdtempSync(join(tmpdir(), 'mx-producer-'));
  await install();
});
afterEach(async () => {
  for (const timer of loads.splice(0)) clearInterval(timer);
  for (const producer of open.splice(0)) await producer.close();
});
after(async () => {
  await postgres.close();
  rmSync(root, { recursive: true, force: true });
});

/** Makes the queues, as the writer does when it starts. */
async function install(): Promise<void> {
  const pool = createPool(postgres.url, { name: 'test' });
  const boss = await openBoss(pool, { maintain: true, onError: () => undefined });
  await boss.stop({ graceful: false });
  await pool.end();
}

async function producing(directory = join(root, String(next++))) {
  const states: (string | null)[] = [];
  const log = memoryLog();
  const spool = await Spool.open({ directory });
  const producer = new Producer({
    node: 'test',
    spool,
    onState: (problem) => void states.push(problem),
    log,
  });
  open.push(producer);
  return { producer, spool, states, log, directory };
}

/** What is in the queue, in the order in which the writer will take it. */
async function queued(): Promise<Batch[]> {
  const rows = await postgres.query(
    `SELECT data FROM pgboss.job WHERE name = 'matrix-results' ORDER BY created_on`,
  );
  return rows.map((row) => row['data'] as Batch);
}
const numbers = (batches: readonly Batch[]): number[] =>
  batches.flatMap((batch) => batch.results.map((result) => result.dueAt));
const empty = (): Promise<unknown> => postgres.query('DELETE FROM pgboss.job');
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

async function allQueued(count: number): Promise<void> {
  await until(`${count} results are queued`, async () => numbers(await queued()).length >= count, 60_000);
  assert.deepEqual(numbers(await queued()), upTo(count));
}

const loads: NodeJS.Timeout[] = [];

/** Adds results 0, 1, 2… a few at a time until stopped; answers how many. */
function load(producer: Producer): () => number {
  let made = 0;
  const timer = setInterval(() => {
    for (let n = 0; n < 5; n += 1) producer.add({ results: [resultOf('s', made++)] });
  }, 5);
  loads.push(timer);
  return () => {
    clearInterval(timer);
    return made;
  };
}
const moment = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('results under load arrive once and in order', () => {
  test('over a server that is killed and comes back, twice', async () => {
    await empty();
    const { producer, states } = await producing();
    producer.connect(postgres.url);
    const stop = load(producer);
    for (let round = 0; round < 2; round += 1) {
      await until('some are queued', async () => (await queued()).length > 10 * round + 5);
      await postgres.kill();
      await until('the outage is seen', () => states.at(-1) !== null);
      await moment(700);
      await postgres.start();
      await until('it is over', () => states.at(-1) === null);
    }
    await allQueued(stop());
    assert.equal(producer.dropped, 0);
    assert.ok(states.length < 20, `a state is told when it changes, not ${states.length} times`);
  });

  test('over a server that freezes and thaws, although it finishes late what it had been sent', async () => {
    await empty();
    const { producer, states, spool } = await producing();
    producer.connect(postgres.url);
    const stop = load(producer);
    await until('some are queued', async () => (await queued()).length > 5);
    const backends = await postgres.query(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'matrix producer'`,
    );
    const frozen = [postgres.pid, ...backends.map((row) => Number(row['pid']))];
    for (const pid of frozen) process.kill(pid, 'SIGSTOP');
    try {
      await until('it counts as an outage', () => states.at(-1) !== null && !spool.empty);
      assert.ok(producer.backlog < 50_000);
    } finally {
      for (const pid of frozen) process.kill(pid, 'SIGCONT');
    }
    await until('it is over', () => states.at(-1) === null && spool.empty);
    await allQueued(stop());
  });
});

describe('the order of the queue', () => {
  test('is the order of making also when many batches leave at once, whatever holes the table has', async () => {
    await empty();
    const { producer } = await producing();
    // Before the database is known everything goes to the spool; from there it leaves in one go.
    for (let n = 0; n < 60; n += 1) {
      producer.add({ results: [resultOf('s', n)], declare: [] });
    }
    await postgres.query(
      `INSERT INTO pgboss.job (name, data) SELECT 'matrix-notices', '{}' FROM generate_series(1, 500)`,
    );
    await postgres.query(`DELETE FROM pgboss.job WHERE name = 'matrix-notices' AND ctid::text LIKE '%7)'`);
    await postgres.query('VACUUM pgboss.job');
    producer.connect(postgres.url);
    await until('they are queued', async () => (await queued()).length === 60);
    const stamps = await postgres.query(
      `SELECT count(DISTINCT created_on) AS n FROM pgboss.job WHERE name = 'matrix-results'`,
    );
    assert.equal(Number(stamps[0]?.['n']), 60, 'no two share the instant that the queue is ordered by');
    await allQueued(60);
  });
});

describe('closing', () => {
  test('during an outage loses nothing: the next process replays it', async () => {
    await empty();
    const first = await producing();
    for (let n = 0; n < 100; n += 1) first.producer.add({ results: [resultOf('s', n)] });
    await first.producer.close();
    assert.equal(first.spool.empty, false);
    const second = await producing(first.directory);
    second.producer.connect(postgres.url);
    second.producer.add({ results: [resultOf('s', 100)] });
    await allQueued(101);
    await until('the spool is empty', () => second.spool.empty);
  });

  test('with the database there sends the rest', async () => {
    await empty();
    const { producer, spool } = await producing();
    producer.connect(postgres.url);
    producer.add({ results: [resultOf('s', 0)] });
    await until('it is connected', async () => (await queued()).length === 1);
    producer.add({ results: [resultOf('s', 1)] });
    await producer.close();
    assert.deepEqual(numbers(await queued()), [0, 1]);
    assert.equal(spool.empty, true);
  });
});

describe('nothing wedges it', () => {
  test('text that PostgreSQL refuses is cleaned and stored; what follows arrives', async () => {
    await empty();
    const { producer, states } = await producing();
    producer.connect(postgres.url);
    producer.add({
      results: [resultOf('s\0', 0, 'pass', { detail: 'half \ud800', facts: { 'k\0': '\0' } })],
    });
    producer.add({
      declare: [{ name: 'a', family: 'http', intervalMs: 1_000, config: { body: '\0', deep: ['\udfff'] } }],
    });
    producer.add({ results: [resultOf('s', 1)] });
    await allQueued(2);
    const [poisoned, declared] = await queued();
    assert.equal(poisoned?.results[0]?.service, 's');
    assert.deepEqual((declared ?? poisoned)?.declare?.[0]?.config['deep'] ?? ['\ufffd'], ['\ufffd']);
    assert.equal(producer.dropped, 0);
    assert.equal(states.at(-1), null);
  });

  test('the same from a spool that an earlier process left', async () => {
    await empty();
    const first = await producing();
    first.producer.add({ results: [resultOf('s', 0, 'pass', { detail: '\0' })] });
    await first.producer.close();
    const { producer } = await producing(first.directory);
    producer.connect(postgres.url);
    producer.add({ results: [resultOf('s', 1)] });
    await allQueued(2);
  });

  test('a database that moved is followed, also while the first one was being connected to', async () => {
    await empty();
    const { producer } = await producing();
    for (let n = 0; n < 5; n += 1) {
      producer.connect(`${postgres.url}&application_name=old${n}`);
      producer.add({ results: [resultOf('s', n)] });
      await moment(5);
    }
    producer.connect(postgres.url);
    producer.add({ results: [resultOf('s', 5)] });
    await allQueued(6);
    const sessions = await postgres.query(
      `SELECT count(*) AS n FROM pg_stat_activity WHERE application_name IN ('matrix producer', 'old0')`,
    );
    assert.ok(Number(sessions[0]?.['n']) <= 2, 'the connections to where it was are gone');
  });

  test('with neither database nor disk, memory is bounded and every loss is counted', async () => {
    const { producer, directory, log } = await producing();
    rmSync(directory, { recursive: true, force: true });
    writeFileSync(directory, 'a file where the spool should be');
    for (let n = 0; n < 150_000; n += 100) {
      producer.add({ results: Array.from({ length: 100 }, (_, m) => resultOf('s', n + m)) });
    }
    await until('the disk is seen to fail', () => log.lines.some((line) => line['event'] === 'spool_failed'));
    producer.add({ results: [resultOf('s', 150_000)] });
    assert.ok(producer.backlog <= 100_000);
    assert.equal(producer.backlog + producer.dropped, 150_001);
    const lines = log.lines.length;
    await moment(1_500);
    assert.ok(log.lines.length - lines < 2, 'it is said once, not at each attempt');
    await producer.close();
    open.length = 0;
    assert.equal(producer.dropped, 150_001);
  });
});
