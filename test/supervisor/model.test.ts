/** A child's life under any order of events: the budget holds, the pauses are as promised, no state is impossible. */
import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import fc from 'fast-check';
import type { Child, SupervisionEvent } from '../../src/supervisor/child.js';
import { clock, Puppet, pass, type Scene, scene, settle } from './managed-kit.js';

const SPEC = { intensity: 3, periodMs: 1_000, shutdownMs: 300 };
const BACKOFF = { initialMs: 10, maxMs: 80, factor: 2, jitter: 0.2 };
const FAILED_MS = { first: 500, longest: 600_000 };

type Step =
  | { readonly does: 'die' | 'hang' | 'restart' | 'stop' | 'start' }
  | { readonly does: 'wait'; readonly ms: number }
  /** What the next start does. */
  | { readonly does: 'refuse' | 'deaf' | 'slow' };

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Step>({ does: 'die' }) },
    {
      weight: 3,
      arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 200 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.integer({ min: 200, max: 1_500 }) }),
    },
    {
      weight: 9,
      arbitrary: fc
        .constantFrom('hang' as const, 'restart' as const, 'stop' as const, 'start' as const)
        .map((does): Step => ({ does })),
    },
    {
      weight: 4,
      arbitrary: fc
        .constantFrom('refuse' as const, 'deaf' as const, 'slow' as const)
        .map((does): Step => ({ does })),
    },
  ),
  { minLength: 5, maxLength: 80, size: 'max' },
);
const seeds = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));

interface Run extends Scene {
  readonly stamped: { readonly event: SupervisionEvent; readonly at: number }[];
  /** Children that were born, whether anybody knows them or not. */
  readonly alive: Set<Puppet>;
  readonly asked: Promise<unknown>[];
}

function begin(random: () => number): Run {
  const stamped: Run['stamped'] = [];
  const alive = new Set<Puppet>();
  const one = scene(
    { ...SPEC, backoff: BACKOFF },
    {
      random,
      failedPauseMs: FAILED_MS.first,
      onEvent: (event) => void stamped.push({ event, at: clock.monotonic() }),
      start: async () => {
        const next = one.starts.shift();
        if (next instanceof Error) throw next;
        const child = (await next) ?? new Puppet();
        born(child as Puppet);
        return child;
      },
    },
  );
  const born = (child: Puppet): void => {
    alive.add(child);
    void child.exited.then(() => alive.delete(child));
    one.puppets.push(child);
  };
  return { ...one, stamped, alive, asked: [] };
}

async function take(run: Run, step: Step): Promise<void> {
  const { managed, starts, asked } = run;
  if (step.does === 'wait') await pass(step.ms);
  else if (step.does === 'die') (managed.child as Puppet | null)?.die('boom');
  else if (step.does === 'hang') asked.push(managed.abort('hung'));
  else if (step.does === 'refuse') starts.push(new Error('no driver'));
  else if (step.does === 'deaf') starts.push(new Puppet(true));
  else if (step.does === 'slow') starts.push(slowBirth());
  else asked.push(step.does === 'restart' ? managed.restart('requested') : managed[step.does]());
  await settle();
}

function slowBirth(): Promise<Child> {
  return new Promise((resolve) => setTimeout(() => resolve(new Puppet()), 200));
}

/** What must be true whenever nothing moves. */
function legal({ managed, alive }: Run): void {
  const { status, child } = managed;
  const hasChild = child !== null;
  const fits = {
    running: hasChild,
    stopping: hasChild,
    starting: !hasChild || !alive.has(child as Puppet),
    backoff: !hasChild,
    failed: !hasChild,
    stopped: !hasChild,
  };
  assert.ok(fits[status], `${status} ${hasChild ? 'with' : 'without'} a child`);
  assert.ok(alive.size <= 1, `${alive.size} children live at once`);
  if (alive.size === 1 && status !== 'starting')
    assert.ok(alive.has(child as Puppet), 'one lives that nobody knows');
}

const runs = async (check: (run: Run) => Promise<void> | void, numRuns: number): Promise<void> => {
  await fc.assert(
    fc.asyncProperty(steps, seeds, async (list, stream) => {
      mock.timers.enable({ apis: ['setTimeout'] });
      try {
        const run = begin(() => stream.next().value as number);
        run.asked.push(run.managed.start());
        for (const step of list) {
          await take(run, step);
          legal(run);
        }
        await check(run);
      } finally {
        mock.timers.reset();
      }
    }),
    { numRuns },
  );
};

describe('whatever happens to a child, in whatever order', () => {
  test('its state is one that can be, and no two of it live at once', () => runs(() => undefined, 150));

  test('it is never restarted more often by itself in a period than its intensity allows, unless it is given up', () =>
    runs(({ stamped }) => {
      const own = stamped.filter(
        ({ event }) => event.kind === 'restarting' && !event.requested && event.pauseMs > 0,
      );
      own.forEach(({ at }, index) => {
        const earlier = own.slice(0, index + 1).filter((other) => at - other.at <= SPEC.periodMs);
        assert.ok(earlier.length <= SPEC.intensity, `${earlier.length} restarts within ${SPEC.periodMs} ms`);
      });
    }, 150));

  test('its pauses grow, within their jitter and bounds', () =>
    runs(({ stamped }) => {
      for (const { event } of stamped) {
        if (event.kind === 'restarting' && !event.requested && event.pauseMs > 0)
          within(event.pauseMs, BACKOFF.initialMs, BACKOFF.maxMs);
        if (event.kind === 'exhausted') within(event.retryMs ?? 0, FAILED_MS.first, FAILED_MS.longest);
      }
    }, 150));

  test('once it is stopped it is gone, nothing waits, and everybody who asked has an answer', () =>
    runs(async (run) => {
      const stopped = run.managed.stop();
      await pass(2 * SPEC.shutdownMs + 300);
      await stopped;
      await Promise.all(run.asked);
      assert.deepEqual([run.managed.status, run.alive.size, run.managed.child], ['stopped', 0, null]);
      const births = run.puppets.length;
      await pass(5_000);
      assert.equal(run.puppets.length, births);
    }, 150));
});

function within(ms: number, min: number, max: number): void {
  const { jitter } = BACKOFF;
  assert.ok(ms >= Math.floor(min * (1 - jitter)) && ms <= Math.ceil(max * (1 + jitter)), `${ms} ms`);
}

test('deaths one upon the other: each pause is about twice the one before, and jitter never hides that', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, async (stream) => {
      mock.timers.enable({ apis: ['setTimeout'] });
      const run = begin(() => stream.next().value as number);
      try {
        run.starts.push(...Array.from({ length: 50 }, () => new Error('no driver')));
        await run.managed.start();
        await pass(10_000);
        const pauses = run.stamped.flatMap(({ event }) =>
          event.kind === 'restarting' && event.pauseMs > 0 ? [event.pauseMs] : [],
        );
        const before = pauses.slice(0, SPEC.intensity);
        assert.equal(before.length, SPEC.intensity);
        for (const [index, pause] of before.entries()) assert.ok(pause > (before[index - 1] ?? 0));
        const retries = run.stamped.flatMap(({ event }) =>
          event.kind === 'exhausted' ? [event.retryMs ?? 0] : [],
        );
        assert.ok(retries.length >= 3);
        for (const [index, retry] of retries.entries()) assert.ok(retry > (retries[index - 1] ?? 0));
      } finally {
        mock.timers.reset();
      }
    }),
    { numRuns: 30 },
  );
});
