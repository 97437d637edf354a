/** Lost if this fails: boards that take the front's memory, or every connection that it has. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mock, test } from 'node:test';
import { WebSocket } from 'ws';
import { LIMITS } from '../../src/contract/limits.js';
import { type ClientData, LiveHub } from '../../src/front/live/hub.js';
import { RecentDeltas } from '../../src/front/live/outbox.js';
import { MainRequests } from '../../src/front/main-requests.js';
import type { TemplatedApp, WebSocket as UwsSocket } from '../../src/front/uws.js';
import { serve } from '../front/support.js';
import { until } from '../support/wait.js';

test('live_clients: one board too many is refused, and counted as what they are', {
  timeout: 60_000,
}, async (t) => {
  const fixture = await serve();
  t.after(() => fixture.front.drain());
  const used = async (name: string) => {
    const { limits } = (await (await fetch(`${fixture.base}/api/limits`)).json()) as {
      limits: { limit: string; used: number }[];
    };
    return limits.find(({ limit }) => limit === name)?.used ?? 0;
  };
  const url = fixture.base.replace('http', 'ws');
  const { value: most } = LIMITS.live_clients;
  const clients: WebSocket[] = [];
  const connect = (): WebSocket => {
    const client = new WebSocket(`${url}/matrix/ws`);
    client.on('error', () => {});
    return client;
  };
  t.after(() => {
    for (const client of clients) client.terminate();
  });
  while (clients.length < most) {
    const wave = Array.from({ length: Math.min(100, most - clients.length) }, connect);
    clients.push(...wave);
    await Promise.all(wave.map((client) => once(client, 'open')));
  }
  assert.equal(await used('live_clients'), most);
  assert.ok((await used('http_connections')) >= most);
  const late = connect();
  const [, answer] = (await once(late, 'unexpected-response')) as [unknown, { statusCode: number }];
  assert.equal(answer.statusCode, 503);
  late.terminate();
  for (const client of clients) client.terminate();
  await until('they are gone', async () => (await used('live_clients')) === 0);
  await until('their connections too', async () => (await used('http_connections')) < 20);
});

test('recent_deltas: the newest are kept, and no more bytes than that', () => {
  const recent = new RecentDeltas();
  const delta = Buffer.alloc(100_000);
  for (let seq = 1; seq <= 200; seq += 1) {
    recent.add(seq, delta);
    assert.ok(recent.sizeBytes <= LIMITS.recent_deltas.value);
  }
  const kept = Math.floor(LIMITS.recent_deltas.value / delta.length);
  assert.equal(recent.get(200 - kept), undefined);
  assert.equal(recent.get(200 - kept + 1), delta);
  assert.equal(recent.get(200), delta);
});

test('live_catch_up: whoever does not get its snapshot within that time is cut off', () => {
  mock.timers.enable({ apis: ['setInterval'] });
  let dropped = 0;
  let closed = 0;
  const app = { publish: () => true } as unknown as TemplatedApp;
  const liveStatus = () => ({ checks: [] }) as unknown as ReturnType<Source['liveStatus']>;
  const hub = new LiveHub(app, { epoch: 'e', seq: 1, alerts: [], liveStatus }, () => {
    dropped += 1;
  });
  const data: ClientData = { requestId: '1', catchUp: null, messages: 0, windowFromMs: 0 };
  const client = {
    getUserData: () => data,
    cork: (work: () => void) => work(),
    // It never reads.
    getBufferedAmount: () => Number.POSITIVE_INFINITY,
    close: () => {
      closed += 1;
    },
  } as unknown as UwsSocket<ClientData>;
  hub.open(client);
  mock.timers.tick(10_000);
  assert.equal(closed, 0);
  assert.ok(data.catchUp !== null);
  data.catchUp = { ...data.catchUp, startedAtMs: performance.now() - LIMITS.live_catch_up.value * 1000 };
  mock.timers.tick(10_000);
  assert.deepEqual([closed, dropped], [1, 1]);
  hub.closed(client);
  hub.close();
  mock.timers.reset();
});

type Source = ConstructorParameters<typeof LiveHub>[1];

test('waiting_restarts: a main that does not answer is not asked without end', async () => {
  const requests = new MainRequests(() => {}, 50);
  const { value: most } = LIMITS.waiting_restarts;
  const waiting = Array.from({ length: most }, () => requests.restartChild('writer'));
  assert.equal(requests.size, most);
  assert.throws(() => void requests.restartChild('writer'), { code: 'MX_NOT_READY' });
  const outcomes = await Promise.allSettled(waiting);
  assert.ok(outcomes.every(({ status }) => status === 'rejected'));
  assert.equal(requests.size, 0);
});
