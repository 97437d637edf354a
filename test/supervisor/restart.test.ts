/** The pure half of supervision: when a budget is spent, how long a pause is, which child spec is refused. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CHILD_DEFAULTS, childSpec, pauseMs } from '../../src/supervisor/child-spec.js';
import { addRestart, inWindow, type Stamps } from '../../src/supervisor/restart-window.js';

const gaps = fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 60 });
const budgets = fc.record({
  intensity: fc.integer({ min: 0, max: 8 }),
  periodMs: fc.integer({ min: 1, max: 10_000 }),
});

describe('the restart window', () => {
  test('is spent exactly when more restarts than the intensity fall into one period', () => {
    fc.assert(
      fc.property(gaps, budgets, (pauses, budget) => {
        let stamps: Stamps = [];
        const all: number[] = [];
        let now = 0;
        for (const gap of pauses) {
          now += gap;
          all.push(now);
          const window = addRestart(stamps, now, budget);
          stamps = window.stamps;
          const naive = all.filter((at) => at >= now - budget.periodMs).length;
          assert.equal(window.exhausted, naive > budget.intensity);
          assert.equal(inWindow(stamps, now, budget.periodMs).length, naive);
        }
      }),
    );
  });

  test('remembers no more than one period (it would grow with every crash)', () => {
    let stamps: Stamps = [];
    for (let now = 0; now < 1_000_000; now += 1_000) {
      stamps = addRestart(stamps, now, { intensity: 3, periodMs: 10_000 }).stamps;
    }
    assert.equal(stamps.length, 11);
  });

  test('intensity 0 forgives nothing', () => {
    assert.equal(addRestart([], 5, { intensity: 0, periodMs: 1_000 }).exhausted, true);
  });
});

describe('the pause before a restart', () => {
  const backoffs = fc.record({
    initialMs: fc.integer({ min: 1, max: 1_000 }),
    maxMs: fc.integer({ min: 1, max: 600_000 }),
    factor: fc.double({ min: 1, max: 4, noNaN: true }),
    jitter: fc.double({ min: 0, max: 0.99, noNaN: true }),
  });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test('never shrinks, stays within its jitter and its maximum, and is a number however long it goes on', () => {
    fc.assert(
      fc.property(backoffs, fc.integer({ min: 1, max: 5_000 }), random, (backoff, attempt, roll) => {
        const still = { ...backoff, jitter: 0 };
        const pause = pauseMs(backoff, attempt, roll);
        const middle = pauseMs(still, attempt, 0.5);
        assert.ok(Number.isFinite(pause) && pause >= 0);
        assert.ok(middle <= backoff.maxMs);
        assert.ok(pauseMs(still, attempt + 1, 0.5) >= middle);
        assert.ok(Math.abs(pause - middle) <= middle * backoff.jitter + 1);
      }),
    );
  });

  test('the first is the initial one, the next is as many times longer as the factor says', () => {
    const backoff = { initialMs: 50, maxMs: 10_000, factor: 2, jitter: 0 };
    assert.deepEqual(
      [1, 2, 3, 9].map((attempt) => pauseMs(backoff, attempt, 0)),
      [50, 100, 200, 10_000],
    );
  });
});

describe('a child spec', () => {
  test('is merged over the defaults, the backoff field by field', () => {
    const spec = childSpec({ id: 'writer', intensity: 3, backoff: { ...CHILD_DEFAULTS.backoff, maxMs: 99 } });
    assert.deepEqual(spec, {
      ...CHILD_DEFAULTS,
      id: 'writer',
      intensity: 3,
      backoff: { ...CHILD_DEFAULTS.backoff, maxMs: 99 },
    });
  });

  for (const [wrong, field] of [
    [{ id: '' }, 'id'],
    [{ restart: 'always' }, 'restart'],
    [{ intensity: -1 }, 'intensity'],
    [{ intensity: 1.5 }, 'intensity'],
    [{ intensity: Number.NaN }, 'intensity'],
    [{ periodMs: 0 }, 'periodMs'],
    [{ periodMs: Number.POSITIVE_INFINITY }, 'periodMs'],
    [{ shutdownMs: '5s' }, 'shutdownMs'],
    [{ backoff: { initialMs: -5 } }, 'backoff.initialMs'],
    [{ backoff: { maxMs: Number.NaN } }, 'backoff.maxMs'],
    [{ backoff: { factor: 0.5 } }, 'backoff.factor'],
    [{ backoff: { factor: Number.NaN } }, 'backoff.factor'],
    [{ backoff: { jitter: 1 } }, 'backoff.jitter'],
  ] as const) {
    test(`is refused by name and field: ${JSON.stringify(wrong)}`, () => {
      assert.throws(
        () => childSpec({ id: 'writer', ...(wrong as object) }),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'MX_CHILD_SPEC');
          assert.ok(error.message.includes(`${field} must be`), error.message);
          return true;
        },
      );
    });
  }
});
