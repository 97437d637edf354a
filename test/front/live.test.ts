/** Lost if this fails: the board shows something else than the truth, or one slow reader harms everybody. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { type ClientState, type LiveMessage, receive } from '../../src/snapshot/client.js';
import { alert, changes, check, cycle, type Fixture, serve, token } from './support.js';

/** A client that does what the page does, and can be waited for. */
class Client {
  state: ClientState | null = null;
  resyncs = 0;
  readonly seen: LiveMessage[] = [];
  readonly socket: WebSocket;
  #wake: () => void = () => {};

  constructor(fixture: Fixture, options: { protocols?: string[]; origin?: string } = {}) {
    const url = `${fixture.base.replace('http', 'ws')}/matrix/ws`;
    const headers = options.origin === undefined ? {} : { origin: options.origin };
    this.socket = new WebSocket(url, options.protocols ?? [], { headers });
    this.socket.on('message', (data) => this.take(JSON.parse(String(data)) as LiveMessage));
  }

  take(message: LiveMessage): void {
    this.seen.push(message);
    const step = receive(this.state, message);
    this.state = step.state;
    if (step.resync) {
      this.resyncs += 1;
      this.socket.send('{"type":"resync"}');
    }
    this.#wake();
  }

  async until(holds: (state: ClientState) => boolean): Promise<ClientState> {
    while (this.state === null || this.state.missingParts > 0 || !holds(this.state)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.state;
  }
}

const limit = { timeout: 60_000 };

test('a snapshot on connect, then numbered deltas, coalesced', limit, async () => {
  const fixture = await serve((store) => {
    store.rev = 1;
    store.checks = [check('a'), check('b')];
    store.alerts = [alert('a')];
    store.cycle = cycle(1);
  });
  const client = new Client(fixture);
  const first = await client.until(() => true);
  assert.deepEqual([...first.checks.keys()], ['a', 'b']);
  assert.equal(first.alerts.length, 1);
  for (let rev = 2; rev <= 101; rev += 1) {
    const checks = [check('a', { status: 'fail', detail: `change ${rev}` })];
    fixture.front.take({ kind: 'changes', changes: changes(rev, { checks }) });
  }
  fixture.front.take({ kind: 'changes', changes: changes(102, { removed: ['b'], cycle: cycle(2) }) });
  const last = await client.until((state) => state.status.cycle?.id === 2);
  assert.equal(last.checks.get('a')?.detail, 'change 101');
  assert.equal(last.checks.has('b'), false);
  assert.equal(last.status.overall, 'fail');
  const deltas = client.seen.filter((message) => message.type === 'delta');
  assert.ok(deltas.length < 20, `${deltas.length} messages for a burst of 101 commits`);
  assert.deepEqual(
    deltas.map((message) => message.seq),
    deltas.map((_, index) => (deltas[0]?.seq ?? 0) + index),
  );
  client.socket.close();
  await fixture.front.drain();
});

test('a client that missed a delta asks, and has the truth again', limit, async () => {
  const fixture = await serve((store) => {
    store.checks = [check('a')];
    store.cycle = cycle(1);
  });
  const client = new Client(fixture);
  const state = await client.until(() => true);
  client.take({ type: 'beat', epoch: state.epoch, seq: state.seq + 3, at: state.status.generated_at });
  assert.equal(client.resyncs, 1);
  fixture.front.take({ kind: 'changes', changes: changes(1, { checks: [check('a', { status: 'warn' })] }) });
  await client.until((now) => now.checks.get('a')?.status === 'warn');
  client.socket.close();
  await fixture.front.drain();
});

test('an acknowledgement by REST is on every board at once', limit, async () => {
  const fixture = await serve((store) => {
    store.alerts = [alert('a')];
    store.cycle = cycle(1);
  });
  const client = new Client(fixture);
  await client.until((state) => state.alerts.length === 1);
  const headers = { authorization: `Bearer ${await token('member')}` };
  await fetch(`${fixture.base}/api/alerts/${fixture.store.alerts[0]?.id}/ack`, { method: 'POST', headers });
  await client.until((state) => state.alerts.length === 0);
  client.socket.close();
  await fixture.front.drain();
});

test('ten thousand services reach a client that reads slowly, while they change', limit, async () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `service ${String(index).padStart(5, '0')}`);
  const fixture = await serve((store) => {
    store.checks = names.map((name) => check(name, { detail: 'x'.repeat(300) }));
    store.cycle = cycle(1);
  });
  const client = new Client(fixture);
  await once(client.socket, 'open');
  client.socket.pause();
  for (let rev = 1; rev <= 30; rev += 1) {
    const checks = [check('service 00000', { detail: `change ${rev}` })];
    fixture.front.take({ kind: 'changes', changes: changes(rev, { checks }) });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  client.socket.resume();
  const state = await client.until((now) => now.checks.get('service 00000')?.detail === 'change 30');
  assert.equal(state.checks.size, 10_000);
  const whole = (await (await fetch(`${fixture.base}/api/status`)).json()) as { checks: object[] };
  assert.deepEqual([...state.checks.values()], whole.checks);
  client.socket.close();
  await fixture.front.drain();
});

test('a client that stops reading is cut off and others go on', limit, async () => {
  const fixture = await serve((store) => {
    store.cycle = cycle(1);
  });
  const stuck = new Client(fixture);
  const lively = new Client(fixture);
  await stuck.until(() => true);
  await lively.until(() => true);
  stuck.socket.pause();
  const closed = once(stuck.socket, 'close');
  const cutOff = async () =>
    /matrix_ws_dropped_total\{[^}]*\} ([1-9])/.test(await (await fetch(`${fixture.base}/metrics`)).text());
  let rev = 0;
  while (!(await cutOff())) {
    rev += 1;
    assert.ok(rev < 200, 'a client that reads nothing is still kept');
    const checks = [check('big', { detail: `${rev} ${'x'.repeat(400_000)}` })];
    fixture.front.take({ kind: 'changes', changes: changes(rev, { checks }) });
    await lively.until((state) => state.checks.get('big')?.detail.startsWith(`${rev} `) === true);
  }
  stuck.socket.resume();
  await closed;
  lively.socket.close();
  await fixture.front.drain();
});

test(
  'anything but a resync is answered with an error, floods and big frames end the connection',
  limit,
  async () => {
    const fixture = await serve();
    const client = new Client(fixture);
    await client.until(() => true);
    client.socket.send('{"type":"drop tables"}');
    client.socket.send('not json');
    while (client.seen.filter((message) => message.type === 'error').length < 2)
      await once(client.socket, 'message');
    for (let count = 0; count < 30; count += 1) client.socket.send('{"type":"resync"}');
    const [code] = (await once(client.socket, 'close')) as [number];
    assert.equal(code, 1008);
    const big = new Client(fixture);
    await big.until(() => true);
    big.socket.send('x'.repeat(10_000));
    await once(big.socket, 'close');
    await fixture.front.drain();
  },
);

test(
  'a page of another origin, or one without a token where one is needed, is not let in',
  limit,
  async () => {
    const fixture = await serve(() => {}, { anonymousRead: false });
    const refused = async (client: Client) => {
      const [, answer] = (await once(client.socket, 'unexpected-response')) as [
        unknown,
        { statusCode: number },
      ];
      client.socket.on('error', () => {});
      client.socket.terminate();
      return answer.statusCode;
    };
    assert.equal(await refused(new Client(fixture)), 401);
    assert.equal(await refused(new Client(fixture, { origin: 'http://evil.example' })), 403);
    assert.equal(await refused(new Client(fixture, { protocols: ['matrix', 'bearer.nonsense'] })), 401);
    const good = new Client(fixture, { protocols: ['matrix', `bearer.${await token('viewer')}`] });
    await good.until(() => true);
    assert.equal(good.socket.protocol, 'matrix');
    const gone = once(good.socket, 'close');
    await fixture.front.drain();
    assert.equal((await gone)[0], 1001);
  },
);
