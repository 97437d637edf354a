/** People who acknowledge and remove while the writer writes, and what wakes the writer. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import type { Changes } from '../../schema/messages.js';
import { BOSS_CHANNEL } from '../../src/queue/queues.js';
import { listAlerts } from '../../src/store/reads.js';
import { acknowledgeAlert, registerService, removeService } from '../../src/writer/commands.js';
import { resultOf } from '../queue/batch-kit.js';
import { until } from '../support/wait.js';
import { declaration, fold, type Rig, startRig } from './writer-kit.js';

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

describe('people who act while the writer writes', () => {
  test('a service removed while its results arrive stays removed on every board', async () => {
    const removals: Changes[] = [];
    for (let round = 0; round < 25; round += 1) {
      const name = `ghost${round}`;
      const config = { name };
      await registerService(pool, {
        name,
        family: 'http',
        config,
        intervalMs: 1_000,
        customerId: 'axe',
        node: 'test',
      });
      await new Promise((resolve) => setTimeout(resolve, 20));
      for (let n = 0; n < 4; n += 1) producer.add({ results: [resultOf(name, START + n * 1_000, 'pass')] });
      await new Promise((resolve) => setTimeout(resolve, 24 + round));
      const changes = await removeService(pool, { name, node: 'test' });
      if (changes !== null) removals.push(changes);
    }
    await settled();
    assert.equal(removals.length, 25);
    const seen = fold([...writer.changes, ...removals]);
    assert.deepEqual(
      [...seen].filter((name) => name.startsWith('ghost')),
      [],
    );
  });

  test('nobody who acknowledges meets a deadlock, and of two at once one wins', async () => {
    const names = Array.from({ length: 10 }, (_, n) => `flap${n}`);
    producer.add({ declare: declaration(...names) });
    let at = START;
    const timer = setInterval(() => {
      at += 1_000;
      for (const name of names) {
        producer.add({ results: [resultOf(name, at, 'fail'), resultOf(name, at + 500, 'pass')] });
      }
    }, 15);
    try {
      let wins = 0;
      const end = performance.now() + 3_000;
      while (performance.now() < end) {
        const open = await listAlerts(pool, { includeAcked: false, limit: 50 });
        const answers = await Promise.all(
          open.flatMap(({ id }) =>
            ['anna', 'ben'].map((ackedBy) => acknowledgeAlert(pool, { alertId: id, ackedBy, node: 'test' })),
          ),
        );
        for (let n = 0; n < answers.length; n += 2) {
          const pair = answers.slice(n, n + 2);
          assert.deepEqual(pair.map((answer) => answer?.already).sort(), [false, true]);
          assert.equal(pair[0]?.alert.acked_by, pair[1]?.alert.acked_by, 'both hear of the same winner');
          wins += 1;
        }
      }
      assert.ok(wins > 10, `${wins} alerts were acknowledged`);
    } finally {
      clearInterval(timer);
    }
    const deadlocks = await postgres.query(
      `SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()`,
    );
    assert.equal(Number(deadlocks[0]?.['n']), 0);
    assert.equal(
      writer.log.lines.filter(
        (line) => line['event'] === 'batch_failed' && /deadlock/.test(String(line['error'])),
      ).length,
      0,
    );
  });
});

describe('waking the writer', () => {
  test('pg-boss notifies on the channel that the writer listens on (else each result waits for a poll)', async () => {
    const listener = new pg.Client({ connectionString: postgres.url });
    await listener.connect();
    const heard: string[] = [];
    listener.on('notification', ({ payload }) => void heard.push(payload ?? ''));
    await listener.query(`LISTEN ${BOSS_CHANNEL}`);
    producer.add({ results: [resultOf('flap1', Date.now(), 'pass')] });
    await until('the notification', () => heard.includes('matrix-results'));
    await listener.end();
  });
});
