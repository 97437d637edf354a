import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Alert, Check, Status } from '../../schema/wire.js';
import { type Dockerd, startDockerd } from '../support/dockerd.js';
import { forget, startMatrix, type TestMatrix } from '../support/matrix.js';
import { until } from '../support/wait.js';

describe('containers of a real engine, from the engine to the board', () => {
  let engine: Dockerd;
  let matrix: TestMatrix;

  const checks = async (): Promise<ReadonlyMap<string, Check>> => {
    const status = (await matrix.get('/matrix/api/status'))?.body as Status | undefined;
    return new Map((status?.checks ?? []).map((check) => [check.service, check]));
  };
  const shown = (service: string, status: Check['status']) =>
    until(
      `${service} is ${status}`,
      async () => {
        const check = (await checks()).get(service);
        return check?.status === status ? check : undefined;
      },
      60_000,
    );

  const alerted = async (): Promise<string[]> => {
    const answer = (await matrix.get('/matrix/api/alerts'))?.body as { alerts: Alert[] } | undefined;
    return (answer?.alerts ?? []).map((alert) => alert.service).sort();
  };

  before(async () => {
    engine = await startDockerd();
    await engine.run('good', { healthcheck: 'passes' });
    await engine.run('bad', { healthcheck: 'fails' });
    await engine.run('young', { healthcheck: 'never' });
    await engine.run('plain');
    await engine.run('matrix-front');
    matrix = await startMatrix({
      config: `[matrix]\ndiscover = false\n[[docker]]\nname = "engine"\nsocket = "${engine.socket}"\ninterval_s = 1\n`,
    });
  });
  after(async () => {
    await matrix?.stop();
    if (matrix !== undefined) forget(matrix);
    await engine?.close();
  });

  test('each is judged by what the engine says of it, and Matrix leaves itself out', async () => {
    await shown('engine', 'pass');
    await shown('engine/good', 'pass');
    await shown('engine/plain', 'pass');
    await shown('engine/young', 'warn');
    assert.equal((await shown('engine/bad', 'fail')).code, 'container_unhealthy');
    assert.equal((await checks()).has('engine/matrix-front'), false);
    assert.deepEqual(await alerted(), ['engine/bad']);
  });

  test('one that is removed is said to be gone; an engine that dies fails, and nothing is known of its containers', async () => {
    await engine.docker.getContainer('plain').remove({ force: true });
    assert.equal((await shown('engine/plain', 'unknown')).code, 'not_reported');
    await engine.kill();
    await shown('engine', 'fail');
    const good = await shown('engine/good', 'unknown');
    assert.match(good.detail, /^cannot be judged/);
    assert.deepEqual(await alerted(), ['engine', 'engine/bad']);
    await engine.restart();
    await shown('engine', 'pass');
  });
});
