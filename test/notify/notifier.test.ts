/** A notice reaches its channel once, sooner or later, whatever is down when it is made. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import pg from 'pg';
import { logChannel } from '../../src/notify/log-channel.js';
import { Notifier } from '../../src/notify/notifier.js';
import { NOTICES_QUEUE, openBoss } from '../../src/queue/queues.js';
import { createPool } from '../../src/store/pool.js';
import type { Notice } from '../../src/writer/plan.js';
import { memoryLog } from '../support/log.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';

let postgres: TestPostgres;
const stops: (() => Promise<void>)[] = [];

before(async () => {
  postgres = await startPostgres();
  await install();
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
after(() => postgres.close());

async function install(): Promise<void> {
  const pool = createPool(postgres.url, { name: 'test' });
  const boss = await openBoss(pool, { maintain: true, onError: () => undefined });
  await boss.stop({ graceful: false });
  await pool.end();
}

const notice = (service: string): Notice => ({
  kind: 'outage',
  service,
  severity: 'error',
  message: 'is down',
  at: 1_000,
  outageSince: 1_000,
});

/** Enqueues as the writer's transaction does. */
async function enqueue(...services: readonly string[]): Promise<void> {
  const pool = createPool(postgres.url, { name: 'test' });
  const boss = await openBoss(pool, { maintain: false, onError: () => undefined });
  await boss.insert(
    NOTICES_QUEUE,
    services.map((service) => ({ data: notice(service) })),
  );
  await boss.stop({ graceful: false });
  await pool.end();
}

function notifying(channel?: (notice: Notice) => Promise<void>) {
  const heard: string[] = [];
  const log = memoryLog();
  const pool = createPool(postgres.url, { name: 'matrix notices', max: 2 });
  const notifier = new Notifier({
    url: postgres.url,
    pool,
    log,
    channel: async (one) => {
      await channel?.(one);
      heard.push(one.service);
    },
  });
  stops.push(async () => {
    await notifier.stop();
    await pool.end();
  });
  return { heard, log };
}

const left = async (): Promise<number> => {
  const rows = await postgres.query(
    `SELECT count(*) AS n FROM pgboss.job WHERE name = '${NOTICES_QUEUE}' AND state < 'completed'`,
  );
  return Number(rows[0]?.['n']);
};

describe('a notice', () => {
  test('is delivered once', async () => {
    const { heard } = notifying();
    await enqueue('a', 'b', 'c');
    await until('nothing is left', async () => (await left()) === 0);
    assert.deepEqual(heard.sort(), ['a', 'b', 'c']);
  });

  test('of a large outage is not one every other second', async () => {
    const { heard } = notifying();
    const services = Array.from({ length: 60 }, (_, n) => `many ${n}`);
    await enqueue('first');
    await until('it works', () => heard.includes('first'));
    await enqueue(...services);
    await until('all are delivered', () => heard.length === 61);
  });

  test('that the channel does not take is kept and tried again; others do not wait for it', async () => {
    let attempts = 0;
    const { heard } = notifying(async ({ service }) => {
      if (service === 'stubborn' && ++attempts < 2) throw new Error('the channel is down');
    });
    await enqueue('stubborn', 'easy');
    await until('the other is delivered', () => heard.includes('easy'));
    assert.equal(heard.includes('stubborn'), false);
    const rows = await postgres.query(
      `SELECT state, retry_limit FROM pgboss.job WHERE data->>'service' = 'stubborn'`,
    );
    assert.deepEqual([rows[0]?.['state'], Number(rows[0]?.['retry_limit'])], ['retry', 10]);
    await until('it is delivered in the end', () => heard.includes('stubborn'), 30_000);
    assert.equal(heard.filter((service) => service === 'stubborn').length, 1);
  });

  test('waits out an outage of the database, which is logged once; then notices leave at once again', async () => {
    const { heard, log } = notifying();
    await enqueue('before');
    await until('it works', () => heard.includes('before'));
    await postgres.kill();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await postgres.start();
    await enqueue('after');
    await until('it works again', () => heard.includes('after'));
    await until('it listens again', async () => {
      const rows = await postgres.query(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = 'matrix notifier' AND query LIKE 'LISTEN%'`,
      );
      return rows.length === 1;
    });
    const lines = log.lines.filter((line) => line.level === 'warn').length;
    assert.ok(lines >= 1 && lines <= 6, `${lines} lines`);
  });

  test('made before there was a notifier is delivered when there is one', async () => {
    await enqueue('early');
    const { heard } = notifying();
    await until('it is delivered', () => heard.includes('early'));
  });
});

describe('stopping', () => {
  test('waits for the delivery that is under way; what was not delivered stays in the queue', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { heard } = notifying(() => held);
    await enqueue('slow', 'next');
    await until('one is under way', async () => {
      const rows = await postgres.query(
        `SELECT 1 FROM pgboss.job WHERE data->>'service' IN ('slow', 'next') AND state = 'active'`,
      );
      return rows.length === 1;
    });
    const [stop] = stops.splice(0);
    const stopped = stop?.();
    release();
    await stopped;
    assert.ok(heard.length >= 1);
    assert.equal(heard.length + (await left()), 2);
  });

  test('works while the database is away', async () => {
    await postgres.kill();
    notifying();
    const [stop] = stops.splice(0);
    await stop?.();
    await postgres.start();
  });
});

describe('the log as a channel', () => {
  test('says what is down, how grave it is, and for how long it was', async () => {
    const log = memoryLog();
    const channel = logChannel(log);
    await channel({ ...notice('web'), severity: 'warning' });
    await channel({ ...notice('web'), severity: 'critical' });
    await channel({ ...notice('web'), kind: 'recovery', severity: 'info', at: 62_400 });
    assert.deepEqual(
      log.lines.map((line) => [line.level, line.message]),
      [
        ['warn', 'web is down: is down'],
        ['error', 'web is down: is down'],
        ['info', 'web works again after 61 s: is down'],
      ],
    );
  });
});

test('one listening session is held, not one for each attempt', async () => {
  notifying();
  await enqueue('last');
  await until('it is delivered', async () => (await left()) === 0);
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const { rows } = await client.query(
    `SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'matrix notifier'`,
  );
  await client.end();
  assert.ok(Number(rows[0]?.n) <= 1);
});
