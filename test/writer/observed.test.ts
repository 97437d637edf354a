/** How much time results speak for: what they do not speak for is shown as not observed, never as up or down. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { byHour, observedMs } from '../../src/writer/observed.js';
import { plan } from '../../src/writer/plan.js';
import { directoryOf, entryOf, madeOf, NOW } from './directory-kit.js';

const HOUR_MS = 3_600_000;
const FROM = Math.floor(NOW / HOUR_MS) * HOUR_MS - 6 * HOUR_MS;
const options = { cycleMs: 30_000, nowMs: NOW };

/** Observed time of each hour that a plan adds to, by the start of the hour. */
function hours(intervalMs: number, dues: readonly number[]): Map<number, number> {
  const directory = directoryOf(entryOf('a', { intervalMs }));
  const work = plan(
    directory,
    dues.map((dueAt) => madeOf('a', dueAt)),
    options,
  );
  return new Map([...work.uptime.values()].map((hour) => [hour.hourMs, hour.observedMs]));
}

describe('the time that results speak for', () => {
  test('fills the hours without a seam, whatever the interval (else a perfect week has minutes missing)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: 20_000_000 }), fc.nat(), (intervalMs, shift) => {
        const first = FROM - (shift % intervalMs);
        const count = Math.min(30_000, Math.ceil((FROM + 3 * HOUR_MS - first) / intervalMs));
        const dues = Array.from({ length: count }, (_, n) => first + n * intervalMs);
        const found = hours(intervalMs, dues);
        for (const hourMs of [FROM, FROM + HOUR_MS, FROM + 2 * HOUR_MS]) {
          assert.equal(found.get(hourMs), HOUR_MS);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('is the same in any order and in any batches', () => {
    const dues = fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { maxLength: 60 });
    fc.assert(
      fc.property(dues, fc.nat(60), fc.constantFrom(7_000, 60_000, 7_200_000), (picks, at, intervalMs) => {
        const instants = picks.map((pick) => FROM + pick * intervalMs);
        const whole = hours(intervalMs, [...instants].sort());
        const parts = [hours(intervalMs, instants.slice(0, at)), hours(intervalMs, instants.slice(at))];
        const sum = new Map<number, number>();
        for (const part of parts) for (const [hour, ms] of part) sum.set(hour, (sum.get(hour) ?? 0) + ms);
        assert.deepEqual([...sum].sort(), [...whole].sort());
        const total = [...sum.values()].reduce((all, ms) => all + ms, 0);
        assert.equal(total, picks.length * intervalMs);
      }),
    );
  });

  test('lasts until the next check may be made: a check that takes long skips some, and nobody slept meanwhile', () => {
    const took = (durationMs: number) =>
      observedMs({ family: 'http', dueAt: FROM, startedAt: FROM + 3, durationMs }, 1_000);
    assert.deepEqual([0, 999, 1_000, 1_001, 10_200].map(took), [1_000, 1_000, 1_000, 2_000, 11_000]);
    assert.equal(took(1e9), 300_000, 'no duration that makes no sense hides a gap');
  });

  test('begins when the check does, where it made up for a missed one: nobody looked before', () => {
    const late = (lateMs: number, durationMs = 10) =>
      observedMs({ family: 'http', dueAt: FROM, startedAt: FROM + lateMs, durationMs }, 60_000);
    assert.deepEqual(
      [2_000, 59_000].map((ms) => late(ms)),
      [58_000, 1_000],
    );
    assert.equal(
      late(150_000),
      30_000,
      'to the next instant at which a check is due, not to one that is past',
    );
    assert.equal(late(59_000, 2_000), 61_000, 'the one that was due while it ran is skipped');
    const startedAt = FROM + 50 * 60_000;
    const work = plan(
      directoryOf(entryOf('a', { intervalMs: HOUR_MS })),
      [madeOf('a', FROM - 5 * 60_000, 'pass', { startedAt: FROM + 0.4 })].concat(
        madeOf('a', FROM, 'pass', { startedAt }),
      ),
      options,
    );
    assert.deepEqual(
      [...work.uptime.values()].map((hour) => [hour.hourMs, hour.observedMs]),
      [
        [FROM - HOUR_MS, 0],
        [FROM, 55 * 60_000 + 10 * 60_000],
      ],
    );
  });

  test('is whole for a check that is late by a moment, or early (else every second has a hole)', () => {
    for (const lateMs of [-3_600_000, -1, 0, 5, 900])
      assert.equal(
        observedMs({ family: 'http', dueAt: FROM, startedAt: FROM + lateMs, durationMs: 10 }, 1_000),
        1_000,
      );
  });

  test('is not told of what Matrix says about itself: that is said when it changes', () => {
    assert.equal(observedMs({ family: 'matrix', dueAt: FROM, startedAt: FROM, durationMs: 0 }, 30_000), null);
    const work = plan(directoryOf(entryOf('m')), [madeOf('m', FROM, 'fail', { family: 'matrix' })], options);
    assert.deepEqual(
      [...work.uptime.values()].map((hour) => [hour.observedMs, hour.counts.fail]),
      [[0, 1]],
    );
  });

  test('is cut at the hours', () => {
    assert.deepEqual(byHour(FROM + HOUR_MS - 10, 30), [
      { hourMs: FROM, ms: 10 },
      { hourMs: FROM + HOUR_MS, ms: 20 },
    ]);
    assert.deepEqual(byHour(FROM, HOUR_MS), [{ hourMs: FROM, ms: HOUR_MS }]);
    assert.deepEqual(byHour(FROM, 0), []);
  });
});
