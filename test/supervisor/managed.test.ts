/** One supervised child: when it is started again, when it is given up, and how it ends. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Child } from '../../src/supervisor/child.js';
import { clock, onOwnClock, Puppet, pass, scene, settle } from './managed-kit.js';

onOwnClock();

describe('a child that ends', () => {
  test('abnormally is started again after a pause that grows, and shrinks again once it has lived a period', async () => {
    const { managed, events, newest, puppets } = scene({ intensity: 10, periodMs: 60_000 });
    await managed.start();
    for (let death = 0; death < 3; death += 1) {
      newest().die('boom');
      await settle();
      assert.equal(managed.status, 'backoff');
      await pass(1_000);
      assert.equal(managed.status, 'running');
    }
    await pass(61_000);
    newest().die('boom');
    await settle();
    const pauses = events.flatMap((event) => (event.kind === 'restarting' ? [event.pauseMs] : []));
    assert.deepEqual(pauses, [50, 100, 200, 50]);
    assert.equal(puppets.length, 4);
    assert.equal(managed.node().restarts.total, 4);
    assert.deepEqual(managed.node().lastExit, { reason: 'boom', at: clock.now() });
  });

  for (const [restart, reason, again] of [
    ['permanent', 'normal', true],
    ['permanent', 'boom', true],
    ['transient', 'normal', false],
    ['transient', 'boom', true],
    ['temporary', 'normal', false],
    ['temporary', 'boom', false],
  ] as const) {
    test(`${restart}, by "${reason}": ${again ? 'is started again' : 'stays down'}`, async () => {
      const { managed, newest, puppets } = scene({ restart });
      await managed.start();
      newest().die(reason);
      await pass(2_000);
      assert.equal(puppets.length, again ? 2 : 1);
      assert.equal(managed.status, again ? 'running' : 'stopped');
    });
  }

  test('while it starts counts like any other end', async () => {
    const { managed, starts, events } = scene();
    starts.push(new Error('no driver'), new Error('no driver'));
    await managed.start();
    assert.equal(managed.status, 'backoff');
    await pass(1_000);
    assert.equal(managed.status, 'running');
    const exits = events.flatMap((event) => (event.kind === 'exited' ? [event.reason] : []));
    assert.deepEqual(exits, ['start failed: no driver', 'start failed: no driver']);
  });
});

describe('a spent budget', () => {
  const failing = (count: number): Error[] => Array.from({ length: count }, () => new Error('no driver'));

  test('that pauses: tried again after ever longer pauses, up to ten minutes, one attempt each while it still counts', async () => {
    const { managed, starts, events } = scene({ intensity: 0 });
    starts.push(...failing(1_000));
    await managed.start();
    assert.equal(managed.status, 'failed');
    await pass(3_000_000);
    const pauses = events.flatMap((event) => (event.kind === 'exhausted' ? [event.retryMs] : []));
    assert.deepEqual(
      pauses.slice(0, 10),
      [5, 10, 20, 40, 80, 160, 320, 600, 600, 600].map((seconds) => seconds * 1_000),
    );
  });

  test('that pauses: a child that lived a period has earned the first pause again', async () => {
    const { managed, starts, events, newest } = scene({ intensity: 0 });
    starts.push(...failing(3));
    await managed.start();
    await pass(40_000);
    assert.equal(managed.status, 'running');
    await pass(2_000);
    newest().die('boom');
    await settle();
    const pauses = events.flatMap((event) => (event.kind === 'exhausted' ? [event.retryMs] : []));
    assert.deepEqual(pauses, [5_000, 10_000, 20_000, 5_000]);
  });

  test('that pauses: an operator need not wait for it', async () => {
    const { managed, starts } = scene({ intensity: 0 });
    starts.push(...failing(1));
    await managed.start();
    assert.equal(managed.status, 'failed');
    await managed.restart('requested');
    assert.equal(managed.status, 'running');
    await pass(20_000);
    assert.equal(starts.length, 0);
  });

  test('that escalates: stays down and tells once', async () => {
    const { managed, starts, kinds } = scene({ intensity: 1 }, { whenExhausted: 'escalate' });
    starts.push(...failing(9));
    await managed.start();
    await pass(100_000);
    assert.equal(managed.status, 'failed');
    assert.deepEqual(kinds(), ['exited', 'restarting', 'exited', 'exhausted']);
  });

  test('slow deaths never spend it', async () => {
    const { managed, newest } = scene({ intensity: 1 });
    await managed.start();
    for (let death = 0; death < 20; death += 1) {
      newest().die('boom');
      await pass(1_200);
      assert.equal(managed.status, 'running');
    }
  });
});

describe('stopping', () => {
  test('asks, waits, and does not start again', async () => {
    const { managed, newest, puppets } = scene();
    await managed.start();
    await managed.stop();
    await pass(5_000);
    assert.deepEqual([newest().asked, newest().killed, puppets.length], [1, 0, 1]);
    assert.equal(managed.status, 'stopped');
  });

  test('a child that does not listen is killed after its time, and says so', async () => {
    const { managed, starts, newest, events } = scene();
    starts.push(new Puppet(true));
    await managed.start();
    const stopped = managed.stop();
    await pass(490);
    assert.equal(newest().killed, 0);
    await pass(20);
    await stopped;
    assert.equal(newest().killed, 1);
    assert.ok(events.some((event) => event.kind === 'killed'));
  });

  test('a child that dies meanwhile is neither killed nor started again', async () => {
    const { managed, starts, newest, puppets } = scene();
    starts.push(new Puppet(true));
    await managed.start();
    const stopped = managed.stop();
    newest().die('boom');
    await stopped;
    await pass(5_000);
    assert.deepEqual([newest().killed, puppets.length], [0, 1]);
  });

  test('during a pause: nothing is started any more', async () => {
    const { managed, newest, puppets } = scene();
    await managed.start();
    newest().die('boom');
    await settle();
    await managed.stop();
    await pass(5_000);
    assert.equal(puppets.length, 1);
    assert.equal(managed.status, 'stopped');
  });

  test('during a start: waits for it and ends what came of it (it would outlive its supervisor)', async () => {
    const { managed, starts, kinds } = scene();
    let born: (child: Child) => void = () => undefined;
    starts.push(
      new Promise((resolve) => {
        born = resolve;
      }),
    );
    void managed.start();
    let stopped = false;
    const stop = managed.stop().then(() => {
      stopped = true;
    });
    await settle();
    const deaf = new Puppet(true);
    born(deaf);
    await settle();
    assert.equal(deaf.asked, 1);
    assert.equal(stopped, false, 'it still lives');
    await pass(510);
    await stop;
    assert.equal(deaf.killed, 1);
    assert.equal(kinds().includes('started'), false);
  });

  test('and starting again works', async () => {
    const { managed, puppets } = scene();
    await managed.start();
    await managed.stop();
    await managed.start();
    assert.equal(managed.status, 'running');
    assert.equal(puppets.length, 2);
  });
});

describe('a child that runs', () => {
  test('is not started a second time (the first would be forgotten and never end)', async () => {
    const { managed, puppets } = scene();
    await Promise.all([managed.start(), managed.start()]);
    await managed.start();
    assert.equal(puppets.length, 1);
  });

  test('can be killed for a reason of the supervisor’s, which is what the exit then says', async () => {
    const { managed, newest } = scene({ restart: 'transient' });
    await managed.start();
    await managed.abort('hung');
    await settle();
    assert.equal(newest().killed, 1);
    assert.equal(managed.node().lastExit?.reason, 'hung');
    await pass(1_000);
    assert.equal(managed.status, 'running');
    newest().die('boom');
    await settle();
    assert.equal(managed.node().lastExit?.reason, 'boom', 'the reason is not said twice');
  });
});
