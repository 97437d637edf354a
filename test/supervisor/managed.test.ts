/** One supervised child whose life the test decides, on a clock and timers that the test moves. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { type ChildSpec, childSpec } from '../../src/supervisor/child-spec.js';
import {
  type Child,
  Managed,
  type ManagedOptions,
  type SupervisionEvent,
} from '../../src/supervisor/managed.js';
import { Supervisor } from '../../src/supervisor/supervisor.js';

/** A child that lives until told otherwise; `ignores` makes it deaf to `stop`. */
class Puppet implements Child {
  readonly exited: Promise<string>;
  asked = 0;
  killed = 0;
  private end: (reason: string) => void = () => undefined;

  constructor(private readonly ignores = false) {
    this.exited = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  die(reason: string): void {
    this.end(reason);
  }

  stop(): void {
    this.asked += 1;
    if (!this.ignores) this.end('normal');
  }

  async kill(): Promise<void> {
    this.killed += 1;
    this.end('killed');
  }
}

let now = 0;
const clock = { now: () => 1_700_000_000_000 + now, monotonic: () => now };

/** Lets everything that is due happen, `ms` from now, in steps as the timers come. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= Math.min(left, 10)) {
    now += Math.min(left, 10);
    mock.timers.tick(Math.min(left, 10));
    await settle();
  }
}
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

interface Scene {
  readonly managed: Managed;
  readonly events: SupervisionEvent[];
  readonly puppets: Puppet[];
  /** What the next starts do; afterwards every start works. */
  readonly starts: (Error | Puppet | Promise<Child>)[];
  readonly newest: () => Puppet;
  readonly kinds: () => string[];
}

function scene(spec: Partial<ChildSpec> = {}, more: Partial<ManagedOptions> = {}): Scene {
  const events: SupervisionEvent[] = [];
  const puppets: Puppet[] = [];
  const starts: Scene['starts'] = [];
  const managed = new Managed({
    spec: childSpec({ id: 'child', intensity: 3, periodMs: 1_000, shutdownMs: 500, ...spec }),
    kind: 'thread',
    clock,
    whenExhausted: 'pause',
    random: () => 0.5,
    onEvent: (event) => void events.push(event),
    start: async () => {
      const next = starts.shift() ?? new Puppet();
      if (next instanceof Error) throw next;
      if (next instanceof Puppet) puppets.push(next);
      return next;
    },
    ...more,
  });
  const newest = (): Puppet => {
    const puppet = puppets.at(-1);
    assert.ok(puppet);
    return puppet;
  };
  return { managed, events, puppets, starts, newest, kinds: () => events.map((event) => event.kind) };
}

beforeEach(() => {
  now = 0;
  mock.timers.enable({ apis: ['setTimeout'] });
});
afterEach(() => mock.timers.reset());

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
    const told: string[] = [];
    const { managed, starts, kinds } = scene(
      { intensity: 1 },
      { whenExhausted: 'escalate', onExhausted: (reason) => void told.push(reason) },
    );
    starts.push(...failing(9));
    await managed.start();
    await pass(100_000);
    assert.deepEqual(told, ['start failed: no driver']);
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
    await managed.restart('hung');
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

describe('a supervisor', () => {
  const supervise = (intensity: number): { root: Supervisor; gaveUp: string[] } => {
    const gaveUp: string[] = [];
    const onExhausted = (reason: string): void => void gaveUp.push(reason);
    return { root: new Supervisor({ id: 'root', intensity, periodMs: 10_000, clock, onExhausted }), gaveUp };
  };

  test('gives up once when its children together restart too often', async () => {
    const { root, gaveUp } = supervise(4);
    const scenes = ['a', 'b', 'c'].map((id) =>
      scene({ id, intensity: 50 }, { onEvent: (event) => root.observe(event) }),
    );
    for (const { managed } of scenes) await root.add(managed).start();
    for (let round = 0; round < 3; round += 1) {
      for (const { newest } of scenes) newest().die('boom');
      await pass(1_000);
    }
    assert.equal(gaveUp.length, 1);
    assert.equal(root.node().status, 'failed');
    assert.equal(root.node().restarts.total, 9);
    assert.equal(root.child('b'), scenes[1]?.managed);
  });

  test('forgives deaths that are far apart', async () => {
    const { root, gaveUp } = supervise(1);
    const { managed, newest } = scene({ intensity: 50 }, { onEvent: (event) => root.observe(event) });
    await root.add(managed).start();
    for (let death = 0; death < 10; death += 1) {
      newest().die('boom');
      await pass(11_000);
    }
    assert.deepEqual(gaveUp, []);
  });

  test('gives up when a child has spent its own budget and cannot go on', async () => {
    const { root, gaveUp } = supervise(100);
    const { managed, starts } = scene(
      { intensity: 0 },
      { whenExhausted: 'escalate', onEvent: (event) => root.observe(event) },
    );
    starts.push(new Error('no database'));
    await root.add(managed).start();
    assert.equal(gaveUp.length, 1);
    assert.match(gaveUp[0] ?? '', /child spent its budget: start failed: no database/);
  });

  test('ends its children in the reverse order', async () => {
    const { root } = supervise(5);
    const order: string[] = [];
    for (const id of ['first', 'second']) {
      const onDown = (): void => void order.push(id);
      await root.add(scene({ id }, { onDown }).managed).start();
    }
    await root.stop();
    assert.deepEqual(order, ['second', 'first']);
  });
});
