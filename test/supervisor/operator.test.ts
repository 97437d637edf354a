/** What an operator's wish to restart a child does, in every state that the child may be in. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Child } from '../../src/supervisor/child.js';
import { Supervisor } from '../../src/supervisor/supervisor.js';
import { clock, onOwnClock, Puppet, pass, type Scene, scene, settle } from './managed-kit.js';

onOwnClock();

const failing = (count: number): Error[] => Array.from({ length: count }, () => new Error('no driver'));
const restarts = ({ events }: Scene) =>
  events.flatMap((event) => (event.kind === 'restarting' ? [event] : []));

describe('an operator restarts a child', () => {
  test('that runs: it is asked to end, comes back at once, and its budget is as it was', async () => {
    const one = scene({ intensity: 1 });
    await one.managed.start();
    for (let wishes = 1; wishes <= 10; wishes += 1) {
      assert.equal(await one.managed.restart('requested'), 'restarted');
      assert.equal(one.managed.status, 'running');
      assert.deepEqual([one.puppets.length, one.puppets.at(-2)?.asked], [wishes + 1, 1]);
    }
    const { restarts: counts, lastExit } = one.managed.node();
    assert.deepEqual([counts.total, counts.inWindow, lastExit?.reason], [10, 0, 'requested']);
    assert.ok(restarts(one).every(({ pauseMs, requested }) => pauseMs === 0 && requested));
  });

  test('that does not listen: it is killed after its time', async () => {
    const { managed, starts, puppets } = scene();
    starts.push(new Puppet(true));
    await managed.start();
    const answer = managed.restart('requested');
    await pass(490);
    assert.deepEqual([puppets[0]?.killed, managed.status], [0, 'stopping']);
    await pass(20);
    assert.equal(await answer, 'restarted');
    assert.equal(puppets[0]?.killed, 1);
    assert.equal(managed.status, 'running');
  });

  test('that ends only normally: it comes back all the same', async () => {
    const { managed, puppets } = scene({ restart: 'temporary' });
    await managed.start();
    assert.equal(await managed.restart('requested'), 'restarted');
    assert.deepEqual([puppets.length, managed.status], [2, 'running']);
  });

  test('that waits for its next try: it does not wait any longer, and starts once', async () => {
    const one = scene({ backoff: { initialMs: 5_000, maxMs: 5_000, factor: 1, jitter: 0 } });
    await one.managed.start();
    one.newest().die('boom');
    await settle();
    assert.equal(one.managed.status, 'backoff');
    assert.equal(await one.managed.restart('requested'), 'started');
    assert.equal(one.managed.status, 'running');
    await pass(10_000);
    assert.equal(one.puppets.length, 2);
    assert.equal(one.managed.node().restarts.total, 1, 'one restart, counted once');
  });

  test('that failed: it is tried at once, and its pauses are short again', async () => {
    const { managed, starts, events } = scene({ intensity: 0 });
    starts.push(...failing(4));
    await managed.start();
    await pass(16_000);
    assert.equal(managed.status, 'failed');
    assert.equal(await managed.restart('requested'), 'started');
    const pauses = events.flatMap((event) => (event.kind === 'exhausted' ? [event.retryMs] : []));
    assert.deepEqual(pauses, [5_000, 10_000, 20_000, 5_000]);
    await managed.restart('requested');
    assert.equal(managed.status, 'running');
  });

  test('that failed for good: it runs again', async () => {
    const { managed, starts } = scene({ intensity: 0 }, { whenExhausted: 'escalate' });
    starts.push(...failing(1));
    await managed.start();
    assert.equal(await managed.restart('requested'), 'started');
    assert.equal(managed.status, 'running');
  });

  test('twice: the second wish waits for the first and does nothing', async () => {
    const { managed, starts, puppets } = scene();
    starts.push(new Puppet(true));
    await managed.start();
    const both = Promise.all([managed.restart('requested'), managed.restart('requested')]);
    await pass(600);
    assert.deepEqual(await both, ['restarted', 'under_way']);
    assert.deepEqual([puppets.length, managed.status], [2, 'running']);
  });

  test('that is starting: it is left alone', async () => {
    const { managed, starts, puppets } = scene();
    let born: (child: Child) => void = () => undefined;
    starts.push(new Promise((resolve) => (born = resolve)));
    void managed.start();
    const answer = managed.restart('requested');
    born(new Puppet());
    assert.equal(await answer, 'under_way');
    assert.deepEqual([puppets.length, managed.status], [0, 'running']);
  });

  test('that is not meant to run: nothing is started behind the back of whoever stopped it', async () => {
    const { managed, puppets } = scene();
    assert.equal(await managed.restart('requested'), 'not_wanted');
    await managed.start();
    const stopped = managed.stop();
    assert.equal(await managed.restart('requested'), 'not_wanted');
    await stopped;
    assert.equal(await managed.restart('requested'), 'not_wanted');
    assert.deepEqual([puppets.length, managed.status], [1, 'stopped']);
  });

  test('while Matrix stops: the stop wins', async () => {
    const { managed, starts, puppets } = scene();
    starts.push(new Puppet(true));
    await managed.start();
    const answer = managed.restart('requested');
    const stopped = managed.stop();
    await pass(600);
    await stopped;
    assert.equal(await answer, 'not_wanted');
    await pass(5_000);
    assert.deepEqual([puppets.length, managed.status], [1, 'stopped']);
  });
});

describe('a supervisor', () => {
  test('is not worn out by wishes, and answers for the ids that it has', async () => {
    const gaveUp: string[] = [];
    const onExhausted = (reason: string): void => void gaveUp.push(reason);
    const root = new Supervisor({ id: 'root', intensity: 2, periodMs: 10_000, clock, onExhausted });
    const one = scene({ id: 'writer' }, { onEvent: (event) => root.observe(event) });
    await root.add(one.managed).start();
    for (let wishes = 0; wishes < 10; wishes += 1) assert.equal(await root.restart('writer'), 'restarted');
    assert.equal(await root.restart('nobody'), null);
    assert.deepEqual(gaveUp, []);
    assert.equal(root.node().restarts.inWindow, 0);
  });
});

test('a child is started and stopped in the order that was asked for, however fast', async () => {
  const { managed, puppets, starts } = scene();
  starts.push(new Puppet(true));
  await managed.start();
  const asked = [managed.stop(), managed.start(), managed.stop(), managed.start()];
  await pass(600);
  await Promise.all(asked);
  assert.deepEqual([puppets.length, managed.status], [2, 'running']);
  const last = [managed.stop(), managed.start(), managed.stop()];
  await pass(600);
  await Promise.all(last);
  assert.deepEqual([puppets.length, managed.status], [2, 'stopped']);
});
