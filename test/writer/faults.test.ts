/** Whatever happens to the writer, its session or its server: nothing is lost, nothing is there twice. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import type { Producer } from '../../src/queue/producer.js';
import { startThread } from '../../src/supervisor/thread.js';
import { WRITER_LOCK } from '../../src/writer/writer.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';
import { count, declaration, drained, Life, sqlDirectory, startProducer, startWriter } from './writer-kit.js';

let postgres: TestPostgres;
let directory: string;
let producer: Producer;
const cleanUp: (() => unknown)[] = [];
/** A full hour ago, so that all of a test falls into few hours and one or two days. */
const START = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000;

before(async () => {
  postgres = await startPostgres();
});
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'mx-faults-'));
  producer = await startProducer(postgres.url, directory);
});
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
  await producer.close();
  rmSync(directory, { recursive: true, force: true });
});
after(() => postgres.close());

const terminate = (name: string): Promise<unknown> =>
  postgres.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
    name,
  ]);

/** Makes results of these lives until stopped. */
function live(lives: readonly Life[]): () => void {
  const timer = setInterval(() => {
    for (const life of lives) producer.add({ results: [life.next(), life.next()] });
  }, 10);
  const stop = (): void => clearInterval(timer);
  cleanUp.push(stop);
  return stop;
}

/** Everything that these lives made is stored, counted and told exactly once. */
async function assertStoredOnce(lives: readonly Life[]): Promise<void> {
  for (const life of lives) {
    const id = '(SELECT id FROM matrix.services WHERE name = $1 AND removed_at IS NULL)';
    const [row] = await postgres.query(
      `SELECT count(*) AS n, count(DISTINCT due_at) AS instants FROM matrix.results WHERE service_id = ${id}`,
      [life.service],
    );
    assert.deepEqual([Number(row?.['n']), Number(row?.['instants'])], [life.made, life.made], life.service);
    const [sums] = await postgres.query(
      `SELECT sum(pass) AS pass, sum(fail) AS fail FROM matrix.uptime_hourly WHERE service_id = ${id}`,
      [life.service],
    );
    assert.deepEqual([Number(sums?.['pass']), Number(sums?.['fail'])], [life.counts.pass, life.counts.fail]);
    assert.equal(await count(postgres, 'matrix.alerts WHERE service = $1', [life.service]), 1);
    const told = (kind: string): Promise<number> =>
      count(
        postgres,
        `pgboss.job WHERE name = 'matrix-notices' AND data->>'service' = $1 AND data->>'kind' = $2`,
        [life.service, kind],
      );
    assert.deepEqual([await told('outage'), await told('recovery')], [life.outages, life.recoveries]);
  }
  assert.equal(await count(postgres, `pgboss.job WHERE name = 'matrix-results-dead'`), 0);
}

describe('the writer’s session', () => {
  test('killed again and again in the middle of work: all results, once; each outage told once', async () => {
    const writer = startWriter(postgres.url);
    cleanUp.push(writer.stop);
    const lives = ['k1', 'k2', 'k3'].map((name) => new Life(name, START));
    producer.add({ declare: declaration('k1', 'k2', 'k3') });
    const stop = live(lives);
    await until('the first are stored', () => (writer.last()?.stored ?? 0) > 0);
    let cuts = 0;
    for (let round = 0; round < 12; round += 1) {
      const stored = writer.last()?.stored ?? 0;
      await terminate(round % 3 === 2 ? 'matrix producer' : 'matrix writer');
      if (round % 4 === 3) await terminate('matrix queue');
      cuts += 1;
      await until('work goes on', () => (writer.last()?.stored ?? 0) > stored + 20);
    }
    stop();
    await until('everything has left', () => producer.backlog === 0);
    await until('everything is stored', async () => {
      const made = lives.reduce((sum, life) => sum + life.made, 0);
      return (await count(postgres, 'matrix.results')) >= made;
    });
    await drained(postgres);
    assert.equal(cuts, 12);
    await assertStoredOnce(lives);
  });

  test('an outage of the server is logged once, not at each attempt', async () => {
    const writer = startWriter(postgres.url);
    cleanUp.push(writer.stop);
    await until('it is active', writer.isActive);
    await postgres.kill();
    await until('it is seen', () => writer.last()?.problem !== null);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await postgres.start();
    await until('it is over', writer.isActive);
    const lines = writer.log.lines.filter((line) => line['event'] === 'writer_session_lost');
    assert.ok(lines.length >= 1 && lines.length <= 4, `${lines.length} lines`);
  });
});

describe('two writers on one database', () => {
  const holders = (): Promise<number> =>
    count(postgres, `pg_locks WHERE locktype = 'advisory' AND granted AND objid = $1 & 4294967295`, [
      WRITER_LOCK,
    ]);

  test('one works, the other stands by and takes over when it stops; never both', async () => {
    const first = startWriter(postgres.url, 'first');
    await until('the first is active', first.isActive);
    const second = startWriter(postgres.url, 'second');
    cleanUp.push(second.stop);
    await until('the second waits', () => second.last()?.active === false);
    const life = new Life('handover', START);
    producer.add({ declare: declaration('handover') });
    const stop = live([life]);
    await until('the first stores', () => (first.last()?.stored ?? 0) > 20);
    assert.equal(second.last()?.stored, 0);
    assert.equal(await holders(), 1);
    await first.stop();
    await until('the second stores', () => (second.last()?.stored ?? 0) > 20);
    assert.equal(await holders(), 1);
    stop();
    await until('everything has left', () => producer.backlog === 0);
    await until('everything is stored', async () => {
      await drained(postgres);
      return (
        (await count(
          postgres,
          `matrix.results r JOIN matrix.services s ON s.id = r.service_id
        WHERE s.name = 'handover'`,
        )) === life.made
      );
    });
    await assertStoredOnce([life]);
  });

  test('a thread that is killed in the middle of work: the standby takes over, nothing is lost', async () => {
    let stored = 0;
    const thread = await startThread<{ kind: string; stats?: { stored: number } }, never>({
      file: new URL('../../workers/writer.js', import.meta.url),
      data: {
        url: postgres.url,
        sqlDirectory,
        customerId: 'axe',
        node: 'thread',
        cycleMs: 30_000,
        logging: { level: 'error', format: 'json', base: {} },
      },
      onMessage: (message) => {
        if (message.stats !== undefined) stored = message.stats.stored;
      },
      readyMs: 20_000,
    });
    const life = new Life('thread', START);
    producer.add({ declare: declaration('thread') });
    const stop = live([life]);
    await until('the thread stores', () => stored > 20);
    const standby = startWriter(postgres.url, 'standby');
    cleanUp.push(standby.stop);
    await until('the standby waits', () => standby.last()?.active === false);
    await thread.kill();
    await until('the standby stores', () => (standby.last()?.stored ?? 0) > 20);
    stop();
    await until('everything has left', () => producer.backlog === 0);
    await until('everything is stored', async () => {
      await drained(postgres);
      return (
        (await count(
          postgres,
          `matrix.results r JOIN matrix.services s ON s.id = r.service_id
        WHERE s.name = 'thread'`,
        )) === life.made
      );
    });
    await assertStoredOnce([life]);
  });
});

describe('a store that is slow or locked', () => {
  test('is waited for: no batch is put aside because somebody else holds a lock', async () => {
    const writer = startWriter(postgres.url);
    cleanUp.push(writer.stop);
    const life = new Life('locked', START);
    producer.add({ declare: declaration('locked'), results: [life.next()] });
    await until('it works', () => (writer.last()?.stored ?? 0) > 0);
    const blocker = new pg.Client({ connectionString: postgres.url });
    await blocker.connect();
    cleanUp.push(() => blocker.end());
    await blocker.query('BEGIN; LOCK TABLE matrix.results IN ACCESS EXCLUSIVE MODE');
    producer.add({ results: Array.from({ length: 50 }, () => life.next()) });
    for (let round = 0; round < 6; round += 1) {
      // What a statement timeout does after 15 s, at once.
      await until('the writer waits for the lock, and is cancelled', async () => {
        const [row] = await postgres.query(
          `SELECT count(pg_cancel_backend(pid)) AS n FROM pg_stat_activity
           WHERE application_name = 'matrix writer' AND wait_event_type = 'Lock'`,
        );
        return Number(row?.['n']) > 0;
      });
    }
    await blocker.query('COMMIT');
    await until('everything is stored', async () => {
      return (
        (await count(
          postgres,
          `matrix.results r JOIN matrix.services s ON s.id = r.service_id
        WHERE s.name = 'locked'`,
        )) === life.made
      );
    });
    assert.equal(writer.last()?.buried, 0);
    await assertStoredOnce([life]);
  });
});
