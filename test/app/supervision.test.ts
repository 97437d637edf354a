/** A whole Matrix whose parts stand still or are restarted by hand: people see it, and what it watches does not. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Alert, Status } from '../../schema/wire.js';
import type { NodeState } from '../../src/contract/tree.js';
import { mintToken } from '../../src/front/auth.js';
import { type CountedServer, countedServer } from '../support/counted-server.js';
import { forget, type LogLine, SECRET, startMatrix, type TestMatrix } from '../support/matrix.js';
import { until } from '../support/wait.js';

const CORE = ['writer', 'keeper', 'notifier', 'front', 'store'];

const config = (port: number): string => `
[matrix]
check_interval_s = 2
discover = false
${['up', 'down']
  .map((name) => `[[http]]\nname = "${name}"\nurl = "http://127.0.0.1:${port}/${name}"\ninterval_s = 1\n`)
  .join('')}`;

describe('a whole Matrix', () => {
  let server: CountedServer;
  let matrix: TestMatrix;
  before(async () => {
    server = await countedServer();
    matrix = await startMatrix({ config: config(server.port) });
    await until('results', async () => (await status()).checks.some((check) => check.status === 'pass'));
  });
  after(async () => {
    await matrix.stop();
    await server.close();
    forget(matrix);
  });

  const status = async (): Promise<Status> =>
    until('the status', async () => {
      const body = (await matrix.get('/matrix/api/status'))?.body as Status | undefined;
      return Array.isArray(body?.checks) ? body : undefined;
    });
  const nodes = async (): Promise<NodeState[]> => {
    const flat = (node: NodeState): NodeState[] => [node, ...node.children.flatMap(flat)];
    return until('the tree', async () => {
      const answer = await matrix.get('/matrix/api/supervisor');
      return answer?.status === 200 ? flat(answer.body as NodeState) : undefined;
    });
  };
  const logged = (event: string, child: string): LogLine | undefined =>
    matrix.log.find((line) => line.event === event && line['child'] === child);

  test('shows how busy every loop is, and that none stands still', async () => {
    const all = await until('all run and have measured themselves', async () => {
      const found = await nodes();
      const measured = found.every(
        ({ kind, eventLoopUtilisation }) =>
          !['thread', 'process'].includes(kind) || eventLoopUtilisation !== null,
      );
      return measured ? found : undefined;
    });
    for (const { id, stalledMs } of all) assert.equal(stalledMs, null, id);
    const families = all.find(({ id }) => id === 'families');
    assert.deepEqual(families?.restarts, { total: 0, inWindow: 0, intensity: null, periodMs: null });
  });

  test('sees a frozen front within seconds and replaces it', async () => {
    const pid = await matrix.frontPid();
    process.kill(pid, 'SIGSTOP');
    const frozenAt = performance.now();
    const line = await until('it is seen', () => logged('child_stalled', 'front'));
    assert.ok(performance.now() - frozenAt < 3_000, 'long before it is killed');
    assert.ok(Number(line['for_ms']) >= 900);
    await until('another one', async () => (await matrix.get('/health'))?.status === 200, 30_000);
    const tookMs = performance.now() - frozenAt;
    assert.ok(tookMs < 15_000, `replaced after ${Math.round(tookMs)} ms`);
    assert.notEqual(await matrix.frontPid(), pid);
    assert.equal(logged('child_exited', 'front')?.['reason'], 'hung');
    const metrics = await (await fetch(`${matrix.base}/metrics`)).text();
    assert.match(metrics, /matrix_supervisor_stalls_total\{[^}]*child="front"[^}]*\} 1/);
    assert.match(metrics, /matrix_supervisor_child_stalled\{[^}]*child="front"[^}]*\} 0/);
    assert.match(metrics, /matrix_front_messages_dropped_total/);
  });

  test('lets every part be restarted by hand, one after the other: no check is missed, no alert comes twice', async () => {
    server.answer = 500;
    await until('both are down', async () =>
      (await status()).checks.every((check) => check.status === 'fail'),
    );
    const token = await mintToken({ role: 'admin', subject: 'test', ttlS: 600, secret: SECRET });
    const before = (await nodes()).map(({ id, restarts }) => [id, restarts.inWindow]);
    const parts = [...CORE, 'probe:http', 'family:http'];
    for (const id of parts) {
      const response = await fetch(`${matrix.base}/matrix/api/supervisor/${encodeURIComponent(id)}/restart`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
      });
      assert.equal(response.status, 200, `${id}: ${await response.text()}`);
      await until(
        `${id} runs again`,
        async () => (await nodes()).every((node) => node.id !== id || node.status === 'running'),
        40_000,
      );
    }
    const asked = server.asked.length;
    server.answer = 200;
    await until(
      'results are stored as before',
      async () => {
        const { checks } = await status();
        return checks.every((check) => check.status === 'pass' && check.stored !== false);
      },
      40_000,
    );
    assert.ok(server.asked.length > asked);
    const alerts = (await matrix.get('/matrix/api/alerts'))?.body as { alerts: Alert[] };
    const services = alerts.alerts.map(({ service }) => service).sort();
    assert.deepEqual(services, ['down', 'up']);
    assert.deepEqual(
      (await nodes()).map(({ id, restarts }) => [id, restarts.inWindow]),
      before,
    );
    for (const id of CORE)
      assert.match(String((await nodes()).find((node) => node.id === id)?.lastExit?.reason), /requested/);
  });
});
