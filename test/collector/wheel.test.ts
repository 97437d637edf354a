/** What decides when a check is due, against models too simple to be wrong. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Cycles } from '../../src/collector/cycles.js';
import { Lag } from '../../src/collector/lag.js';
import { nextDue, phaseOf } from '../../src/collector/phase.js';
import { TimingWheel } from '../../src/collector/wheel.js';
import { LIMITS } from '../../src/contract/limits.js';

describe('the timing wheel', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ put: fc.integer({ min: -50, max: 3_000 }) }),
      fc.record({ advance: fc.integer({ min: 0, max: 2_000 }) }),
    ),
    { maxLength: 200 },
  );

  test('gives out what a sorted list would: nothing early, nothing late, nothing twice, nothing forgotten', () => {
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 1, max: 16 }),
        fc.integer({ min: 0, max: 1e6 }),
        (all, slots, start) => {
          const slotMs = 20;
          let now = start;
          let next = 0;
          const wheel = new TimingWheel<number>(slotMs, slots, now);
          let model: { at: number; id: number }[] = [];
          for (const step of all) {
            if ('put' in step) {
              wheel.schedule(now + step.put, next);
              // Time goes in slots: due with the first slot that begins at the instant or after it.
              const tick = Math.max(Math.floor(now / slotMs) + 1, Math.ceil((now + step.put) / slotMs));
              model.push({ at: tick * slotMs, id: next });
              next += 1;
            } else {
              now += step.advance;
              const due = model.filter((entry) => entry.at <= now);
              model = model.filter((entry) => entry.at > now);
              assert.deepEqual(
                wheel.advance(now).sort((a, b) => a - b),
                due.map((entry) => entry.id),
              );
            }
          }
          assert.equal(wheel.advance(now + 1e7).length, model.length);
        },
      ),
    );
  });

  test('turned tick by tick gives out in the order of time', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 100 }), (instants) => {
        const wheel = new TimingWheel<number>(20, 16, 0);
        for (const at of instants) wheel.schedule(at, at);
        const out: number[] = [];
        for (let now = 0; now <= 6_000; now += 20) {
          for (const at of wheel.advance(now)) {
            assert.ok(at <= now && now - at < 40, `${at} came out at ${now}`);
            out.push(at);
          }
        }
        assert.equal(out.length, instants.length);
      }),
    );
  });
});

describe('the place in the interval', () => {
  test('is the same in every process and after every restart', () => {
    assert.equal(phaseOf('web').toFixed(6), '0.020377');
  });

  test('spreads names that look alike over the whole interval (they would all be checked at once)', () => {
    for (const name of [(n: number) => `web-${n}`, (n: number) => `10.0.0.${n}`, (n: number) => `${n}`]) {
      const buckets = new Array<number>(20).fill(0);
      for (let n = 0; n < 2_000; n += 1) {
        const phase = phaseOf(name(n));
        assert.ok(phase >= 0 && phase < 1);
        buckets[Math.floor(phase * 20)] = (buckets[Math.floor(phase * 20)] ?? 0) + 1;
      }
      for (const count of buckets) assert.ok(count > 60 && count < 150, `buckets ${buckets.join(' ')}`);
    }
  });

  test('the next due instant is after now, at most one interval on, and in step with all others', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4e12 }),
        fc.integer({ min: 1_000, max: 86_400_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (now, intervalMs, phase) => {
          const due = nextDue(now, intervalMs, phase);
          assert.ok(due > now && due - now <= intervalMs);
          assert.equal(nextDue(due, intervalMs, phase), due + intervalMs);
          assert.equal(nextDue(due - 1, intervalMs, phase), due);
        },
      ),
    );
  });
});

describe('cycles', () => {
  test('close when they are over and everything due in them is answered, oldest first, with true counts', () => {
    const checks = fc.array(
      fc.record({ dueAt: fc.integer({ min: 0, max: 5_000 }), skipped: fc.boolean(), lateMs: fc.nat(3_000) }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(checks, (all) => {
        const cycles = new Cycles(1_000);
        const closed: number[] = [];
        const events = all
          .flatMap((check) => [
            { at: check.dueAt, check, kind: check.skipped ? 'skipped' : 'began' } as const,
            ...(check.skipped ? [] : [{ at: check.dueAt + check.lateMs, check, kind: 'answered' } as const]),
          ])
          .sort((a, b) => a.at - b.at || (a.kind === 'answered' ? 1 : -1));
        let done = 0;
        const take = (now: number): void => {
          for (const cycle of cycles.close(now)) {
            const due = all.filter((check) => Math.floor(check.dueAt / 1_000) * 1_000 === cycle.ts);
            assert.ok(cycle.ts + 1_000 <= now);
            assert.ok(cycle.ts > (closed.at(-1) ?? -1) || !closed.includes(cycle.ts));
            assert.equal(cycle.expected, due.length);
            assert.equal(cycle.skipped, due.filter((check) => check.skipped).length);
            closed.push(cycle.ts);
            done += due.length;
          }
        };
        for (const event of events) {
          take(event.at - 1);
          cycles[event.kind](event.check.dueAt);
        }
        take(100_000);
        assert.equal(done, all.length, 'no cycle stays open');
        assert.equal(new Set(closed).size, closed.length);
      }),
    );
  });

  test('wait for a check that is late', () => {
    const cycles = new Cycles(1_000);
    cycles.began(1_500);
    cycles.began(1_600);
    cycles.answered(1_500);
    assert.deepEqual(cycles.close(9_000), []);
    cycles.answered(1_600);
    assert.deepEqual(cycles.close(9_000), [{ ts: 1_000, intervalMs: 1_000, expected: 2, skipped: 0 }]);
  });
});

test('no more cycles are open than their limit: the oldest closes with what it has', () => {
  const limit = LIMITS.open_cycles.value;
  const cycles = new Cycles(1_000);
  for (let n = 0; n < limit + 3; n += 1) cycles.began(n * 1_000);
  assert.deepEqual(
    cycles.close(0).map((cycle) => cycle.ts),
    [0, 1_000, 2_000],
  );
  assert.equal(cycles.size, limit);
});

test('cycles that a step of the clock ended close as soon as they are answered, wherever their window lies', () => {
  const cycles = new Cycles(1_000);
  cycles.began(3_600_500);
  cycles.end();
  assert.deepEqual(cycles.close(5_000), []);
  cycles.answered(3_600_500);
  assert.deepEqual(
    cycles.close(5_000).map((cycle) => cycle.ts),
    [3_600_000],
  );
});

describe('lateness', () => {
  test('is a histogram whose buckets add up', () => {
    const lag = new Lag();
    for (const ms of [0, 5, 30, 800, 99_000]) lag.observe('http', ms);
    const samples = lag.samples();
    const bucket = (le: string) =>
      samples.find((sample) => sample.labels['le'] === le && sample.name.endsWith('_bucket'))?.value;
    assert.deepEqual(
      [bucket('0.005'), bucket('0.05'), bucket('1'), bucket('10'), bucket('+Inf')],
      [2, 3, 4, 4, 5],
    );
    assert.equal(samples.find((sample) => sample.name.endsWith('_count'))?.value, 5);
    assert.ok(Math.abs((samples.find((sample) => sample.name.endsWith('_sum'))?.value ?? 0) - 99.835) < 1e-9);
  });
});
