/** Lost if this fails: operators see a tree that stands still while parts crash, or pay for a stream they did not ask for. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import type { ClientMessage, LiveMessage, TreeMessage } from '../../src/snapshot/client.js';
import { until } from '../support/wait.js';
import { changes, check, cycle, type Fixture, serve, token } from './support.js';
import { tree } from './tree-kit.js';

const limit = { timeout: 60_000 };

/** A front that ends with its test, however that ends. */
async function serveIn(t: TestContext, ...how: Parameters<typeof serve>): Promise<Fixture> {
  const fixture = await serve(...how);
  t.after(() => fixture.front.drain());
  return fixture;
}

/** A client that only listens. */
class Listener {
  readonly seen: LiveMessage[] = [];
  readonly socket: WebSocket;

  constructor(fixture: Fixture, protocols: string[] = []) {
    this.socket = new WebSocket(`${fixture.base.replace('http', 'ws')}/matrix/ws`, protocols);
    this.socket.on('message', (data) => this.seen.push(JSON.parse(String(data)) as LiveMessage));
  }

  say(message: ClientMessage): void {
    this.socket.send(JSON.stringify(message));
  }

  get trees(): readonly TreeMessage[] {
    return this.seen.filter((message) => message.type === 'tree');
  }

  async joined(): Promise<void> {
    await until('the end of the snapshot', () => this.seen.some((message) => message.type === 'beat'));
  }

  /** Resolves when the server has taken in all that was said before. */
  async heard(): Promise<void> {
    const errors = (): number => this.seen.filter((message) => message.type === 'error').length;
    const before = errors();
    this.socket.send('understood?');
    await until('an answer', () => errors() > before);
  }
}

const report = (fixture: Fixture, restarts: number): void => {
  const counts = { total: restarts, inWindow: restarts, intensity: 10, periodMs: 60_000 };
  fixture.front.take({ kind: 'tree', tree: tree({ restarts: counts }) });
};

test(
  'a subscriber gets the tree at once and each one that differs; the others get none',
  limit,
  async (t) => {
    const fixture = await serveIn(t);
    report(fixture, 0);
    const [watcher, other] = [new Listener(fixture), new Listener(fixture)];
    await Promise.all([watcher.joined(), other.joined()]);
    watcher.say({ type: 'subscribe', topic: 'supervisor' });
    await watcher.heard();
    assert.equal(watcher.trees.length, 1, 'a subscriber waits for the next report');
    assert.deepEqual(
      watcher.trees[0]?.tree,
      tree({ restarts: { total: 0, inWindow: 0, intensity: 10, periodMs: 60_000 } }),
    );
    for (const restarts of [1, 1, 1, 2]) report(fixture, restarts);
    await until('the last tree', () => watcher.trees.at(-1)?.tree.children[0]?.restarts.total === 2);
    assert.deepEqual(
      watcher.trees.map(({ tree: { children } }) => children[0]?.restarts.total),
      [0, 1, 2],
    );
    const ages = watcher.trees.map((message) => message.age_ms);
    assert.ok(
      ages.every((ageMs) => ageMs >= 0 && ageMs < 60_000),
      String(ages),
    );
    await other.heard();
    assert.equal(other.trees.length, 0);
    watcher.say({ type: 'unsubscribe', topic: 'supervisor' });
    await watcher.heard();
    report(fixture, 3);
    await watcher.heard();
    assert.equal(watcher.trees.length, 3);
  },
);

test(
  'whoever comes before the first report gets it when it is there; the age says how old it is',
  limit,
  async (t) => {
    const fixture = await serveIn(t);
    const early = new Listener(fixture);
    await once(early.socket, 'open');
    early.say({ type: 'subscribe', topic: 'supervisor' });
    await early.heard();
    assert.equal(early.trees.length, 0);
    report(fixture, 0);
    await until('the first tree', () => early.trees.length === 1);
    const late = new Listener(fixture);
    await once(late.socket, 'open');
    const earlyAt = performance.now();
    await until('the report is old', () => performance.now() - earlyAt > 50);
    late.say({ type: 'subscribe', topic: 'supervisor' });
    await until('the same tree', () => late.trees.length === 1);
    assert.equal(late.trees[0]?.at, early.trees[0]?.at);
    assert.ok((late.trees[0]?.age_ms ?? 0) > (early.trees[0]?.age_ms ?? 0));
  },
);

test('who leaves the status hears only of the tree, and comes back with a snapshot', limit, async (t) => {
  const fixture = await serveIn(t, (store) => {
    store.checks = [check('a')];
    store.cycle = cycle(1);
  });
  report(fixture, 0);
  const [watcher, witness] = [new Listener(fixture), new Listener(fixture)];
  await Promise.all([watcher.joined(), witness.joined()]);
  watcher.say({ type: 'unsubscribe', topic: 'live' });
  watcher.say({ type: 'subscribe', topic: 'supervisor' });
  await until('the tree', () => watcher.trees.length === 1);
  const kinds = (client: Listener): string[] => client.seen.map((message) => message.type);
  const before = kinds(watcher).filter((kind) => kind !== 'tree');
  const failing = changes(1, { checks: [check('a', { status: 'fail' })] });
  fixture.front.take({ kind: 'changes', changes: failing });
  await until('the change', () => kinds(witness).includes('delta'));
  report(fixture, 1);
  await until('the next tree', () => watcher.trees.length === 2);
  assert.deepEqual(
    kinds(watcher).filter((kind) => kind !== 'tree'),
    before,
    'it left, and still pays',
  );
  watcher.say({ type: 'subscribe', topic: 'live' });
  const snapshots = (): LiveMessage[] => watcher.seen.filter((message) => message.type === 'snapshot');
  const again = await until('a snapshot', () => snapshots()[1]);
  assert.equal(again.type === 'snapshot' && again.status.checks[0]?.status, 'fail');
});

test('the tree is read by whoever may read the rest, and by nobody else', limit, async (t) => {
  const fixture = await serveIn(t, () => {}, { anonymousRead: false });
  report(fixture, 0);
  const refused = new Listener(fixture);
  refused.socket.on('error', () => {});
  const [, answer] = (await once(refused.socket, 'unexpected-response')) as [unknown, { statusCode: number }];
  assert.equal(answer.statusCode, 401);
  refused.socket.terminate();
  const viewer = new Listener(fixture, ['matrix', `bearer.${await token('viewer')}`]);
  await once(viewer.socket, 'open');
  viewer.say({ type: 'subscribe', topic: 'supervisor' });
  await until('the tree', () => viewer.trees.length === 1);
});

test('a topic that does not exist is refused with those that do', limit, async (t) => {
  const fixture = await serveIn(t);
  const client = new Listener(fixture);
  await client.joined();
  client.socket.send('{"type":"subscribe","topic":"secrets"}');
  client.socket.send('{"type":"unsubscribe"}');
  await until('two refusals', () => client.seen.filter((one) => one.type === 'error').length === 2);
  const refusal = client.seen.find((one) => one.type === 'error');
  assert.match(refusal?.type === 'error' ? refusal.error.message : '', /topics live, supervisor/);
});

test('a subscriber that reads nothing is cut off, however many trees come', limit, async (t) => {
  const fixture = await serveIn(t);
  const [stuck, lively] = [new Listener(fixture), new Listener(fixture)];
  await Promise.all([stuck.joined(), lively.joined()]);
  for (const client of [stuck, lively]) {
    client.say({ type: 'subscribe', topic: 'supervisor' });
    await client.heard();
  }
  stuck.socket.pause();
  const closed = once(stuck.socket, 'close');
  const cutOff = async () =>
    /matrix_ws_dropped_total\{[^}]*\} ([1-9])/.test(await (await fetch(`${fixture.base}/metrics`)).text());
  for (let count = 1; !(await cutOff()); count += 1) {
    assert.ok(count < 200, 'a client that reads nothing is still kept');
    const lastExit = { reason: 'x'.repeat(400_000), at: count };
    fixture.front.take({ kind: 'tree', tree: tree({ lastExit }) });
    await until('the others go on', () => lively.trees.length === count);
  }
  stuck.socket.resume();
  await closed;
});
