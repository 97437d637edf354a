import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import type { Alert, Status } from '../../schema/wire.js';
import { type CountedServer, countedServer } from '../support/counted-server.js';
import { forget, startMatrix, type TestMatrix } from '../support/matrix.js';
import { until } from '../support/wait.js';

const config = (port: number, more = ''): string => `
[matrix]
check_interval_s = 2
discover = false
[[http]]
name = "web"
url = "http://127.0.0.1:${port}/web"
interval_s = 1
${more}`;

const stateOf = async (matrix: TestMatrix, service: string) => {
  const answer = await matrix.get('/matrix/api/status');
  return (answer?.body as Status | undefined)?.checks?.find((check) => check.service === service);
};

describe('a whole Matrix on its embedded database', () => {
  let server: CountedServer;
  let matrix: TestMatrix;
  before(async () => {
    server = await countedServer();
    matrix = await startMatrix({ config: config(server.port) });
  });
  after(async () => {
    await matrix.stop();
    await server.close();
    forget(matrix);
  });

  test('shows a real check as passing, over REST and on the WebSocket', async () => {
    const check = await until('the first result', async () => {
      const found = await stateOf(matrix, 'web');
      return found?.status === 'pass' ? found : undefined;
    });
    assert.equal(check.family, 'http');
    assert.ok(check.duration_ms !== null && check.duration_ms > 0);
    const socket = new WebSocket(`ws://127.0.0.1:${matrix.port}/matrix/ws`);
    const messages: { type: string; checks?: { service: string; status: string }[] }[] = [];
    socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString())));
    await until('the snapshot', () => messages.some((message) => message.type === 'snapshot'));
    server.answer = 500;
    await until('the failure as a delta', () =>
      messages.some(
        (message) =>
          message.type === 'delta' &&
          message.checks?.some((one) => one.service === 'web' && one.status === 'fail'),
      ),
    );
    socket.close();
  });

  test('opens one alert for the outage, and no second one while it lasts', async () => {
    const count = server.asked.length;
    await until('three more checks', () => server.asked.length >= count + 3);
    const alerts = (await matrix.get('/matrix/api/alerts'))?.body as { alerts?: Alert[] } | Alert[];
    const list = Array.isArray(alerts) ? alerts : (alerts.alerts ?? []);
    assert.deepEqual(
      list.map((alert) => [alert.service, alert.severity, alert.acked_at]),
      [['web', 'error', null]],
    );
    server.answer = 200;
    await until('the recovery', async () => (await stateOf(matrix, 'web'))?.status === 'pass');
  });

  test('keeps the front alive: killed, it serves again, with the same truth', async () => {
    const pid = await matrix.frontPid();
    process.kill(pid, 'SIGKILL');
    await until(
      'another front',
      async () => (await matrix.get('/health')) !== undefined && (await matrix.frontPid()) !== pid,
    );
    await until('the truth is back', async () => (await stateOf(matrix, 'web'))?.status === 'pass');
    assert.ok(matrix.log.some((line) => line.event === 'child_restarting' && line['child'] === 'front'));
  });

  test('takes a changed file over, and keeps the old one when the change is wrong', async () => {
    const { writeFileSync } = await import('node:fs');
    const file = `${matrix.directory}/matrix.toml`;
    writeFileSync(
      file,
      config(server.port, `[[http]]\nname = "second"\nurl = "http://127.0.0.1:${server.port}/second"\n`),
    );
    await until('the new target', async () => (await stateOf(matrix, 'second'))?.status === 'pass');
    writeFileSync(file, config(server.port, '[[http]]\nnmae = "broken"\n'));
    await until('the refusal', () => matrix.log.some((line) => line.event === 'config_refused'));
    const count = server.asked.filter((one) => one.path === '/web').length;
    await until('checks go on', () => server.asked.filter((one) => one.path === '/web').length > count + 1);
    writeFileSync(file, config(server.port));
    await until('the target is gone', async () => {
      const status = (await matrix.get('/matrix/api/status'))?.body as Status;
      return !status.checks.some((check) => check.service === 'second');
    });
  });

  test('stops cleanly on SIGTERM and leaves no process behind', async () => {
    const front = await matrix.frontPid();
    assert.equal(await matrix.stop(), 0);
    assert.equal(matrix.log.at(-1)?.event, 'stopped');
    assert.throws(() => process.kill(front, 0));
    assert.deepEqual(
      matrix.log.filter((line) => ['ERROR', 'CRITICAL'].includes(line.level) && line.event !== 'notice'),
      [],
    );
  });
});
