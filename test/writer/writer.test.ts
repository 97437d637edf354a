import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Changes } from '../../schema/messages.js';
import type { Result } from '../../src/contract/result.js';
import { Producer } from '../../src/queue/producer.js';
import { Spool } from '../../src/queue/spool.js';
import { serviceHistory, uptimeReport } from '../../src/store/history.js';
import { createPool } from '../../src/store/pool.js';
import { listAlerts, loadSnapshot } from '../../src/store/reads.js';
import { acknowledgeAlert, registerService, removeService } from '../../src/writer/commands.js';
import { Writer, type WriterStats } from '../../src/writer/writer.js';
import { memoryLog } from '../support/log.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';

const sqlDirectory = fileURLToPath(new URL('../../../schema/sql', import.meta.url));

function result(
  service: string,
  dueAt: number,
  verdict: Result['verdict'],
  more: Partial<Result> = {},
): Result {
  return {
    service,
    target: service,
    family: 'http',
    dueAt,
    startedAt: dueAt + 3,
    durationMs: 12.5,
    verdict,
    detail: `${verdict} at ${dueAt}`,
    ...more,
  };
}

function startWriter(url: string) {
  const changes: Changes[] = [];
  const stats: WriterStats[] = [];
  let ready = false;
  const writer = new Writer({
    url,
    sqlDirectory,
    customerId: 'axe',
    node: 'test',
    cycleMs: 30_000,
    log: memoryLog(),
    onReady: () => {
      ready = true;
    },
    onChanges: (change) => changes.push(change),
    onStats: (stat) => stats.push(stat),
  });
  const ended = writer.run();
  return { writer, changes, stats, ended, isReady: () => ready, last: () => stats.at(-1) };
}

describe('results reach the store through the queue', () => {
  let postgres: TestPostgres;
  let directory: string;
  let producer: Producer;
  let running: ReturnType<typeof startWriter>;
  const start = Math.floor(Date.now() / 30_000) * 30_000 - 60_000;

  before(async () => {
    postgres = await startPostgres();
    directory = mkdtempSync(join(tmpdir(), 'mx-spool-'));
    running = startWriter(postgres.url);
    producer = new Producer({
      node: 'test',
      spool: await Spool.open({ directory }),
      onState: () => undefined,
      log: memoryLog(),
    });
    producer.connect(postgres.url);
    producer.add({
      declare: ['a', 'b', 'engine'].map((name) => ({
        name,
        family: 'http',
        intervalMs: 1000,
        config: { name },
      })),
    });
  });
  after(async () => {
    await producer.close();
    running.writer.stop();
    await running.ended;
    await postgres.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const stored = (count: number) =>
    until(`${count} results stored`, () => (running.last()?.stored ?? 0) >= count);

  test('a result is stored once, with its state, its cycle and its hour', async () => {
    producer.add({
      results: [result('a', start, 'pass'), result('a', start + 1000, 'fail', { code: 'timeout' })],
    });
    await stored(2);
    const pool = createPool(postgres.url, { name: 'test' });
    const snapshot = await loadSnapshot(pool);
    const check = snapshot.checks.find((row) => row.service === 'a');
    assert.equal(check?.status, 'fail');
    assert.equal(check?.code, 'timeout');
    assert.equal(check?.since, new Date(start + 1003).toISOString());
    assert.equal(snapshot.checks.find((row) => row.service === 'b')?.status, 'unknown');
    assert.deepEqual(snapshot.cycle?.counts, { pass: 1, warn: 0, fail: 1, unknown: 0 });
    assert.equal(snapshot.cycle?.overall, 'fail');
    assert.deepEqual(
      (await serviceHistory(pool, { service: 'a', hours: 24, limit: 100 }))?.history.map((row) => row.status),
      ['fail', 'pass'],
    );
    assert.equal(
      (await uptimeReport(pool, { days: 7 })).find((row) => row.service === 'a')?.uptime_percent,
      50,
    );
    await pool.end();
  });

  test('the same batch delivered twice stores nothing twice and alerts nobody twice', async () => {
    const before = running.last()?.duplicates ?? 0;
    producer.add({ results: [result('a', start + 1000, 'fail', { code: 'timeout' })] });
    await until('the duplicate is seen', () => (running.last()?.duplicates ?? 0) > before);
    assert.equal((await postgres.query('SELECT count(*) AS n FROM matrix.results'))[0]?.['n'], 2);
    assert.equal((await postgres.query('SELECT count(*) AS n FROM matrix.alerts'))[0]?.['n'], 1);
    assert.equal(
      (await postgres.query('SELECT sum(pass + fail) AS n FROM matrix.uptime_hourly'))[0]?.['n'],
      2,
    );
  });

  test('one alert an outage; acknowledged twice it changes once; the next outage alerts again', async () => {
    const pool = createPool(postgres.url, { name: 'test' });
    producer.add({ results: [result('a', start + 2000, 'fail')] });
    await stored(3);
    const [alert, ...others] = await listAlerts(pool, { includeAcked: false, limit: 50 });
    assert.equal(others.length, 0);
    assert.ok(alert);
    const first = await acknowledgeAlert(pool, { alertId: alert.id, ackedBy: 'operator', node: 'test' });
    const second = await acknowledgeAlert(pool, { alertId: alert.id, ackedBy: 'another', node: 'test' });
    assert.equal(first?.already, false);
    assert.equal(second?.already, true);
    assert.equal(second?.alert.acked_by, 'operator');
    producer.add({ results: [result('a', start + 3000, 'fail')] });
    await stored(4);
    assert.equal(
      (await listAlerts(pool, { includeAcked: false, limit: 50 })).length,
      0,
      'still the same outage',
    );
    producer.add({ results: [result('a', start + 4000, 'pass'), result('a', start + 5000, 'fail')] });
    await stored(6);
    assert.equal((await listAlerts(pool, { includeAcked: false, limit: 50 })).length, 1);
    await pool.end();
  });

  test('what an engine reports appears by itself, and says so when it is gone', async () => {
    const found = (dueAt: number, names: string[]) => ({
      results: names.map((name) => result(name, dueAt, 'pass', { target: 'engine', family: 'docker' })),
    });
    producer.add(found(start + 1000, ['engine', 'engine/web', 'engine/db']));
    await stored(9);
    producer.add(found(start + 2000, ['engine', 'engine/web']));
    await stored(12);
    producer.add(found(start + 3000, ['engine', 'engine/web']));
    await stored(14);
    const pool = createPool(postgres.url, { name: 'test' });
    const { checks } = await loadSnapshot(pool);
    assert.equal(checks.find((row) => row.service === 'engine/web')?.status, 'pass');
    assert.equal(checks.find((row) => row.service === 'engine/db')?.code, 'not_reported');
    await pool.end();
  });

  test('a service registered at run time is kept, refused twice, and cannot come back once removed', async () => {
    const pool = createPool(postgres.url, { name: 'test' });
    const command = {
      name: 'extra',
      family: 'http',
      config: { name: 'extra' },
      intervalMs: 1000,
      customerId: 'axe',
      node: 'test',
    };
    await registerService(pool, command);
    await assert.rejects(registerService(pool, command), { code: 'MX_CONFLICT' });
    producer.add({ results: [result('extra', start + 1000, 'pass')] });
    await stored(15);
    await assert.rejects(removeService(pool, { name: 'a', node: 'test' }), { code: 'MX_CONFLICT' });
    assert.deepEqual((await removeService(pool, { name: 'extra', node: 'test' }))?.removed, ['extra']);
    const orphaned = running.last()?.orphaned ?? 0;
    producer.add({ results: [result('extra', start + 2000, 'fail')] });
    await until('the late result is left out', () => (running.last()?.orphaned ?? 0) > orphaned);
    assert.equal(
      (await loadSnapshot(pool)).checks.some((row) => row.service === 'extra'),
      false,
    );
    await pool.end();
  });

  test('a batch that cannot be stored is put aside and holds nothing up', async () => {
    await postgres.query(
      `INSERT INTO pgboss.job (name, data) VALUES ('matrix-results', '{"v": 1, "nonsense": true}')`,
    );
    producer.add({ results: [result('b', start + 1000, 'pass')] });
    await stored(16);
    const dead = await postgres.query(`SELECT data FROM pgboss.job WHERE name = 'matrix-results-dead'`);
    assert.equal(dead.length, 1);
  });
});
