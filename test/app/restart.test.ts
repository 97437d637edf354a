/** Lost if this fails: an operator's restart does nothing, breaks what it was to mend, or is not seen on the screen. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import type { NodeState } from '../../src/contract/tree.js';
import { mintToken } from '../../src/front/auth.js';
import type { LiveMessage, TreeMessage } from '../../src/snapshot/client.js';
import { type CountedServer, countedServer } from '../support/counted-server.js';
import { forget, SECRET, startMatrix, type TestMatrix } from '../support/matrix.js';
import { until } from '../support/wait.js';

const find = (node: NodeState | undefined, id: string): NodeState | undefined =>
  node?.id === id
    ? node
    : node?.children.map((child) => find(child, id)).find((found) => found !== undefined);

/** More than the five that a thread's budget forgives. */
const RESTARTS = 6;

describe('an operator restarts', { timeout: 180_000 }, () => {
  let server: CountedServer;
  let matrix: TestMatrix;
  let headers: Record<string, string>;
  before(async () => {
    server = await countedServer();
    const url = `http://127.0.0.1:${server.port}/web`;
    matrix = await startMatrix({
      config: `[matrix]\ndiscover = false\n[[http]]\nname = "web"\nurl = "${url}"\ninterval_s = 1\n`,
    });
    const request = { role: 'admin', subject: 'operator', ttlS: 600, secret: SECRET } as const;
    headers = { authorization: `Bearer ${await mintToken(request)}` };
    for (const id of ['writer', 'keeper', 'notifier', 'store', 'probe:http']) {
      await until(`${id} runs`, async () => (await nodeOf(id))?.status === 'running', 60_000);
    }
  });
  after(async () => {
    await matrix.stop();
    await server.close();
    forget(matrix);
  });

  const nodeOf = async (id: string) => {
    const answer = await matrix.get('/matrix/api/supervisor');
    // Before main's first report there is no tree, and the answer says so.
    return answer?.status === 200 ? find(answer.body as NodeState, id) : undefined;
  };
  const restart = async (id: string) => {
    const path = `/matrix/api/supervisor/${encodeURIComponent(id)}/restart`;
    const answer = await fetch(matrix.base + path, { method: 'POST', headers });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };

  test('a probe thread: it is another one, its budget is whole, and the screen shows it at once', async () => {
    const before = await nodeOf('probe:http');
    const socket = new WebSocket(`ws://127.0.0.1:${matrix.port}/matrix/ws`);
    const trees: TreeMessage[] = [];
    socket.on('open', () => socket.send('{"type":"subscribe","topic":"supervisor"}'));
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as LiveMessage;
      if (message.type === 'tree') trees.push(message);
    });
    await until('a tree', () => trees.length > 0);
    for (let count = 1; count <= RESTARTS; count += 1) {
      const { status, body } = await restart('probe:http');
      assert.deepEqual([status, body['outcome']], [200, 'restarted']);
      const shown = await until('the restart on the screen', () =>
        trees.map(({ tree }) => find(tree, 'probe:http')).find((node) => node?.restarts.total === count),
      );
      assert.match(shown.lastExit?.reason ?? '', /requested by an operator/);
      assert.equal(shown.restarts.inWindow, 0);
    }
    // Main reports each second; whatever comes sooner was sent because of what happened.
    const instants = trees.map(({ at }) => Date.parse(at));
    const soon = instants.filter((at, index) => index > 0 && at - (instants[index - 1] ?? 0) < 600);
    assert.ok(soon.length >= RESTARTS / 2, `${soon.length} trees came at once after ${RESTARTS} restarts`);
    const startedBefore = before?.startedAt ?? Number.POSITIVE_INFINITY;
    await until('the new one', async () => ((await nodeOf('probe:http'))?.startedAt ?? 0) > startedBefore);
    socket.close();
    const count = server.asked.length;
    await until('checks go on', () => server.asked.length > count + 1);
  });

  test('every other part: it works again, and the whole goes on', async () => {
    for (const id of ['family:http', 'writer', 'keeper', 'notifier', 'store']) {
      const { status, body } = await restart(id);
      assert.equal(status, 200, `${id}: ${JSON.stringify(body)}`);
      await until(`${id} runs again`, async () => {
        const node = await nodeOf(id);
        return node?.status === 'running' && node.restarts.total > 0 && node.restarts.inWindow === 0;
      });
    }
    await until('results are stored', async () => {
      const status = (await matrix.get('/matrix/api/status'))?.body as { checks?: { stored: boolean }[] };
      return status.checks?.every(({ stored }) => stored);
    });
  });

  test('the front itself: whoever asked gets the answer, and it serves again', async () => {
    const pid = await matrix.frontPid();
    const { status, body } = await restart('front');
    assert.deepEqual([status, body['outcome']], [200, 'restarting']);
    await until(
      'another front',
      async () => (await matrix.get('/health')) !== undefined && (await matrix.frontPid()) !== pid,
    );
    const restarts = await until('its tree', async () => (await nodeOf('front'))?.restarts);
    assert.deepEqual([restarts.total, restarts.inWindow], [1, 0]);
    const audit = matrix.log.filter((line) => line['audit'] === true);
    assert.deepEqual(audit.at(-1)?.['input'], { child: 'front' });
    assert.equal(audit.at(-1)?.['subject'], 'operator');
  });

  test('an id that is not there: nothing happens, and the nearest is named', async () => {
    const { status, body } = await restart('probe:htpp');
    assert.equal(status, 404);
    assert.match(JSON.stringify(body), /did you mean probe:http\?/);
  });
});
