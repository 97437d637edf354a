/** Real threads and processes that stand still: seen within two seconds whatever else happens, ended when they hang. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { systemClock } from '../../src/contract/clock.js';
import { LIMITS } from '../../src/contract/limits.js';
import type { Child, SupervisionEvent } from '../../src/supervisor/child.js';
import { childSpec } from '../../src/supervisor/child-spec.js';
import { Managed } from '../../src/supervisor/managed.js';
import { type ProcessChild, startProcess } from '../../src/supervisor/process.js';
import { startThread, type ThreadChild } from '../../src/supervisor/thread.js';
import { Watch } from '../../src/supervisor/watch.js';
import { until } from '../support/wait.js';
import { makeFamily } from './family-kit.js';

type Out = { kind: string; text?: string };

const mainStalls: number[] = [];
const watch = new Watch({ clock: systemClock, onMainStalled: (forMs) => void mainStalls.push(forMs) });
watch.start();
after(() => watch.stop());

const made: Managed[] = [];
afterEach(async () => {
  for (const managed of made.splice(0)) {
    await managed.child?.kill();
    await managed.stop();
  }
});

function supervise(start: () => Promise<Child>, hangMs?: number) {
  const events: { event: SupervisionEvent; at: number }[] = [];
  const managed = new Managed({
    spec: childSpec({ id: 'fixture' }),
    kind: 'thread',
    clock: systemClock,
    whenExhausted: 'escalate',
    watch,
    ...(hangMs === undefined ? {} : { hangMs }),
    onEvent: (event) => void events.push({ event, at: performance.now() }),
    start,
  });
  made.push(managed);
  const heard = (kind: SupervisionEvent['kind']) =>
    until(kind, () => events.find(({ event }) => event.kind === kind));
  return { managed, events, heard };
}

const thread = (): Promise<ThreadChild<Out>> =>
  startThread<Out, Out>({
    file: new URL('../support/thread-fixture.js', import.meta.url),
    data: { start: 'ready', logging: { level: 'error', format: 'json', base: {} } },
    onMessage: () => undefined,
    readyMs: 20_000,
  });

const heardOf: string[] = [];
let dropped = 0;
const process_ = (): Promise<ProcessChild<Out>> =>
  startProcess<Out, Out>({
    file: new URL('../support/process-fixture.js', import.meta.url),
    first: { kind: 'init', start: 'ready' } as Out,
    onMessage: ({ text }) => void (text !== undefined && heardOf.push(text)),
    isReady: (message) => message.kind === 'ready',
    readyMs: 20_000,
    mayDrop: ({ kind }) => kind === 'echo',
    onDropped: () => {
      dropped += 1;
    },
  });

for (const [kind, start] of [
  ['thread', thread],
  ['process', process_],
] as const) {
  describe(`a ${kind} that spins`, () => {
    test('is seen long before it is ended, is ended as hung, and is there again', async () => {
      const { managed, events, heard } = supervise(start, 2_500);
      await managed.start();
      await until('signs of life', () => (managed.child?.beats?.() ?? 0) > 1);
      const spunAt = performance.now();
      (managed.child as ThreadChild<Out>).send({ kind: 'spin' });
      const stalled = await heard('stalled');
      assert.ok(stalled.at - spunAt < 3_000, `seen after ${Math.round(stalled.at - spunAt)} ms`);
      assert.equal(managed.status, 'running', 'seeing is not killing');
      assert.ok((managed.node().stalledMs ?? 0) > 500);
      await heard('exited');
      await until('it runs again', () => events.filter(({ event }) => event.kind === 'started').length === 2);
      assert.equal(managed.node().lastExit?.reason, 'hung');
      assert.equal(managed.node().stalledMs, null);
      assert.equal(managed.node().restarts.inWindow, 1, 'a hang spends the budget');
    });
  });
}

test('a process that was stopped and goes on is seen both times, and not replaced', async () => {
  const { managed, events, heard } = supervise(process_, 60_000);
  await managed.start();
  await until('signs of life', () => (managed.child?.beats?.() ?? 0) > 1);
  const { pid } = managed.child as ProcessChild<Out>;
  process.kill(pid, 'SIGSTOP');
  await heard('stalled');
  process.kill(pid, 'SIGCONT');
  const { event } = await heard('recovered');
  assert.ok(event.kind === 'recovered' && event.forMs > 900);
  assert.deepEqual(
    events.map((one) => one.event.kind),
    ['started', 'stalled', 'recovered'],
  );
});

test('a process that does not read costs a bounded number of messages, and hears those that matter', async () => {
  const { managed } = supervise(process_, 60_000);
  await managed.start();
  const child = managed.child as ProcessChild<Out>;
  process.kill(child.pid, 'SIGSTOP');
  const text = 'x'.repeat(100_000);
  const limit = LIMITS.front_unread_messages.value;
  const before = process.memoryUsage().rss;
  for (let sent = 0; sent < 20 * limit; sent += 1) child.send({ kind: 'echo', text });
  assert.ok(dropped >= 18 * limit, `${dropped} of ${20 * limit} left out`);
  // All of them would be ten times as much.
  assert.ok(process.memoryUsage().rss - before < 10 * limit * text.length);
  child.stop();
  process.kill(child.pid, 'SIGCONT');
  assert.equal(await child.exited, 'normal', 'it heard that it is to end');
  await managed.stop();
});

test('a stall of this very process accuses none of its children, and is said', async () => {
  const scenes = [supervise(thread, 1_500), supervise(process_, 1_500)];
  for (const { managed } of scenes) {
    await managed.start();
    await until('signs of life', () => (managed.child?.beats?.() ?? 0) > 1);
  }
  const end = performance.now() + 3_000;
  while (performance.now() < end);
  await until('it is said', () => mainStalls.some((forMs) => forMs > 2_000));
  const beats = scenes.map(({ managed }) => managed.child?.beats?.() ?? 0);
  await until('all of them live', () =>
    scenes.every(({ managed }, index) => (managed.child?.beats?.() ?? 0) > (beats[index] ?? 0) + 4),
  );
  for (const { events } of scenes)
    assert.deepEqual(
      events.map(({ event }) => event.kind),
      ['started'],
    );
});

describe('a probe thread', () => {
  test('whose loop stands still with nothing asked of it is seen, ended and replaced', async () => {
    const kit = makeFamily({ watch, hangMs: 2_000 });
    await kit.family.start();
    await kit.answers(kit.submit({ does: 'spin_later' }));
    await until('it is seen', () => kit.events.some(({ kind }) => kind === 'stalled'));
    assert.ok((kit.family.node().stalledMs ?? 0) > 0, 'its family says so');
    await until('it is replaced', () => kit.events.filter(({ kind }) => kind === 'started').length === 2);
    assert.equal(kit.family.node().lastExit?.reason, 'hung');
    assert.equal((await kit.ask({}))[0]?.verdict, 'pass');
  });

  test('that holds a batch is judged by the batch’s deadline alone, however long its loop stands still', async () => {
    const kit = makeFamily({ watch, hangMs: 500 });
    await kit.family.start();
    const [result] = await kit.ask({ does: 'block', ms: 2_500, timeoutMs: 20_000 });
    assert.equal(result?.verdict, 'pass');
    assert.ok(
      kit.events.some(({ kind }) => kind === 'stalled'),
      'it is seen all the same',
    );
    assert.ok(!kit.events.some(({ kind }) => kind === 'exited'));
  });

  test('with a slow target neither stands still nor hangs', async () => {
    const kit = makeFamily({ watch, hangMs: 1_000 });
    await kit.family.start();
    const [result] = await kit.ask({ ms: 2_500, timeoutMs: 10_000 });
    assert.equal(result?.verdict, 'pass');
    assert.deepEqual(
      kit.events.map(({ kind }) => kind),
      ['started'],
    );
  });
});
