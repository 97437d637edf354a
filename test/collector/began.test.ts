/** When a check began is known whatever the wall clock did meanwhile. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { beganAt, doubted, handedOver, onOneClock } from '../../src/collector/began.js';
import type { Result } from '../../src/contract/result.js';
import { HOUR_MS, targetOf } from './ticker-kit.js';

const WALL = 1_700_000_000_000;
const resultAt = (startedAt: number): Result => ({
  service: 'a',
  target: 'a',
  family: 'http',
  dueAt: WALL,
  startedAt,
  durationMs: 12,
  verdict: 'fail',
  detail: 'down',
});

describe('a check that the clock stepped in, before or after', () => {
  const scene = fc.record({
    stepMs: fc.constantFrom(0, HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -90_000),
    steppedMs: fc.integer({ min: 0, max: 9_000 }),
    startedMs: fc.integer({ min: 0, max: 9_000 }),
    heardMs: fc.integer({ min: 9_000, max: 12_000 }),
  });

  test('began when it began, and is stored with instants of one clock', () => {
    fc.assert(
      fc.property(scene, ({ stepMs, steppedMs, startedMs, heardMs }) => {
        const wallAt = (ms: number): number => WALL + ms + (ms >= steppedMs ? stepMs : 0);
        // It was due before the step, began before or after it, and is heard of after it.
        const ready = { wallMs: WALL, monotonicMs: 50_000 };
        const startedAt = startedMs >= steppedMs ? wallAt(startedMs) : WALL + startedMs;
        const now = { wallMs: wallAt(heardMs), monotonicMs: 50_000 + heardMs };
        assert.equal(beganAt(startedAt, ready, now), 50_000 + startedMs);
        const due = { target: targetOf('a'), dueAt: WALL, ready };
        const { began, results } = onOneClock(due, [resultAt(startedAt)], now);
        assert.equal(began, 50_000 + startedMs);
        assert.equal(results[0]?.startedAt, WALL + startedMs);
        assert.equal(results[0]?.durationMs, 12);
      }),
    );
  });
});

test('a failure while Matrix stood still is not the target’s; what passed has passed', () => {
  assert.deepEqual(
    [doubted(resultAt(WALL)).verdict, doubted(resultAt(WALL)).code],
    ['unknown', 'probe_overrun'],
  );
  assert.equal(doubted({ ...resultAt(WALL), verdict: 'pass' }).verdict, 'pass');
});

test('a failure that is told while handing over is not judged; everything else stays as it is', () => {
  const { verdict, code } = handedOver({ ...resultAt(WALL), code: 'timeout' });
  assert.deepEqual([verdict, code], ['unknown', 'interrupted']);
  const passed = { ...resultAt(WALL), verdict: 'pass' } as const;
  assert.equal(handedOver(passed), passed);
});
