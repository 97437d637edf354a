/** Runs inside a network namespace of its own; see deployment.test.ts, which starts it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get as httpGet, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
import { PACKAGE_ROOT } from '../../src/config/paths.js';
import { until } from '../support/wait.js';
import { type Deployment, startDeployment } from './containers.js';

const run = promisify(execFile);
const TARGET_PORT = 8080;
const READY_MS = 60_000;

/** Who checked: the address of the colour's container, newest last. */
const checks: string[] = [];
const target = createServer((request, response) => {
  checks.push(request.socket.remoteAddress ?? '');
  response.end('ok');
});

let deployment: Deployment;

/** On a connection of its own each time, as a new visitor. */
const get = async (port: number, path: string) => {
  const request = httpGet({ host: '127.0.0.1', port, path, agent: false, timeout: 10_000 });
  request.once('timeout', () => request.destroy(new Error('timeout')));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: (await json(response)) as Record<string, unknown> };
};
const ready = (port: number) =>
  until(
    `${port} is ready`,
    async () => (await get(port, '/health/ready').catch(() => undefined))?.status === 200,
    READY_MS,
  );
const activeColour = async () => (await get(3912, '/matrix/api/status')).body['deploy_color'];
const hasAlias = async (colour: string) =>
  (
    await deployment.docker('inspect', '-f', '{{json .NetworkSettings.Networks}}', `matrix-${colour}`)
  ).includes('matrix-mcp');

/** swap.sh, on the test's engine. Answers its exit code and all it said. */
async function swap(args: readonly string[], waitS = 30): Promise<{ code: number; said: string }> {
  const env = {
    PATH: process.env['PATH'],
    DOCKER_HOST: `unix://${deployment.engine.socket}`,
    MATRIX_SWAP_WAIT_S: String(waitS),
  };
  try {
    const { stdout, stderr } = await run(join(PACKAGE_ROOT, 'ops', 'swap.sh'), [...args], { env });
    return { code: 0, said: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, said: stdout + stderr };
  }
}

before(async () => {
  target.listen(TARGET_PORT, '0.0.0.0');
  await once(target, 'listening');
  deployment = await startDeployment(
    (host) => `
[matrix]
discover = false
[[http]]
name = "target"
url = "http://${host}:${TARGET_PORT}/"
interval_s = 1
`,
  );
  for (const service of ['postgres', 'blue', 'green', 'selector']) await deployment.up(service);
  await Promise.all([ready(3910), ready(3911)]).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${await deployment.logs()}`);
  });
});

after(async () => {
  await deployment?.close();
  target.close();
  target.closeAllConnections();
});

describe('a deployment of compose.yaml', () => {
  test('ping works in a colour, with NET_RAW as its only privilege', async () => {
    const said = await deployment.docker('exec', 'matrix-blue', 'ping', '-nqc1', '127.0.0.1');
    assert.match(said, /1 received/);
    const status = await deployment.docker('exec', 'matrix-blue', '/bin/busybox', 'cat', '/proc/1/status');
    assert.match(status, /CapBnd:\s+0000000000002000/);
    assert.match(status, /Uid:\s+1000/);
  });

  test('a dry run tells what it would do and does nothing; the first swap gives the selector its colour', async () => {
    const dry = await swap(['--dry-run', 'blue']);
    assert.equal(dry.code, 0, dry.said);
    assert.match(dry.said, /would run: docker network connect .*--alias matrix-mcp matrix_net matrix-blue/);
    assert.equal(await hasAlias('blue'), false);
    const first = await swap(['blue']);
    assert.equal(first.code, 0, first.said);
    assert.equal(await activeColour(), 'blue');
  });

  test('a swap refuses no request, ends open streams, and says which colour may be updated', async () => {
    const answers: (number | string | undefined)[] = [];
    const live = new WebSocket('ws://127.0.0.1:3912/matrix/ws');
    await once(live, 'message');
    const liveEnded = once(live, 'close');
    const swapping = swap(['green']);
    let isOver = false;
    const asking = (async () => {
      while (!isOver) {
        answers.push(
          await get(3912, '/matrix/api/status').then(
            ({ status }) => status,
            (error: unknown) => String(error),
          ),
        );
      }
    })();
    const { code, said } = await swapping;
    isOver = true;
    await asking;
    assert.equal(code, 0, said);
    assert.match(said, /green is active; blue may be updated now/);
    assert.equal(await activeColour(), 'green');
    assert.equal(await hasAlias('blue'), false);
    assert.ok(answers.length > 5, `only ${answers.length} requests were made during the swap`);
    // The one request that may be under way to the old colour when that leaves the network is cut off.
    const lost = answers.filter((answer) => answer !== 200);
    assert.ok(lost.length <= 1, lost.join('; '));
    // Else an open board would show the old colour's last words until its connection times out.
    await liveEnded;
  });

  test('both colours run, one of them checks', async () => {
    const seen = checks.length;
    await until('eight more checks', () => checks.length >= seen + 8);
    assert.equal(new Set(checks.slice(seen)).size, 1, checks.slice(seen).join(' '));
  });

  test('when the one that checks is killed, the other goes on, and the selector is not the worse for it', async () => {
    const collector = checks.at(-1) ?? '';
    const addresses = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}';
    const ofBlue = await deployment.docker('inspect', '-f', addresses, 'matrix-blue');
    const killed = ofBlue.includes(collector) ? 'blue' : 'green';
    const other = killed === 'blue' ? 'green' : 'blue';
    await deployment.docker('kill', `matrix-${killed}`);
    await until(`${other} checks`, () => checks.at(-1) !== collector);
    const repaired = await swap([other]);
    assert.equal(repaired.code, 0, repaired.said);
    assert.equal(await activeColour(), other);

    const refused = await swap([killed]);
    assert.equal(refused.code, 1);
    assert.match(refused.said, new RegExp(`matrix-${killed} is not running`));
    assert.equal(await activeColour(), other, 'a refused swap must change nothing');
    await deployment.docker('start', `matrix-${killed}`);
    await ready(killed === 'blue' ? 3910 : 3911);
  });

  test('what cannot be verified is put back, with exit code 1', async () => {
    const active = String(await activeColour());
    const idle = active === 'blue' ? 'green' : 'blue';
    await deployment.docker('pause', 'matrix-selector');
    const { code, said } = await swap([idle], 1);
    await deployment.docker('unpause', 'matrix-selector');
    assert.equal(code, 1, said);
    assert.match(said, /putting everything back/);
    assert.deepEqual([await hasAlias(active), await hasAlias(idle)], [true, false]);
    await until(
      'the selector answers again',
      async () => (await activeColour().catch(() => null)) === active,
    );
  });

  test('words that are no colour are refused, and without words it tells how things are', async () => {
    const wrong = await swap(['red']);
    assert.equal(wrong.code, 1);
    assert.match(wrong.said, /expected blue or green, came "red"/);
    const { said } = await swap([]);
    assert.match(said, /blue: running, ready/);
    assert.match(said, /green: running, ready/);
    assert.equal(said.match(/has the alias matrix-mcp/g)?.length, 1);
  });
});
