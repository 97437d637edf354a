/** Whoever takes over, after whatever time and whatever the clock did: nothing is asked twice, nothing left out. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NOTHING_BEFORE, SHIFTS, STEP_MS, shiftOf, startOf } from '../../src/collector/continuity.js';
import { newestDue, nextDue, phaseOf } from '../../src/collector/phase.js';
import { HOUR_MS, onOwnTimers, Scene, started, targetOf } from './ticker-kit.js';

onOwnTimers();

const NOW = 1_700_000_000_000;
const interval = fc.constantFrom(1_000, 2_000, 5_000, 30_000, 3_600_000);
const moment = fc.integer({ min: NOW, max: NOW + 10 * HOUR_MS });
const shift = fc.integer({ min: 0, max: SHIFTS - 1 });
const CYCLE_MS = 30_000;

describe('a target that was checked before', () => {
  const case_ = fc.record({
    intervalMs: interval,
    nowMs: moment,
    shiftMs: shift,
    agoMs: fc.integer({ min: 0, max: 4 * HOUR_MS }),
  });

  test('is looked at soon if an instant passed since, under that instant if it is of now; and waits otherwise', () => {
    fc.assert(
      fc.property(case_, fc.boolean(), ({ intervalMs, nowMs, shiftMs, agoMs }, isOnGrid) => {
        const target = targetOf('a', intervalMs);
        const phase = phaseOf('a');
        const newest = newestDue(nowMs - shiftMs, intervalMs, phase) + shiftMs;
        const at = nowMs - agoMs;
        const stored = isOnGrid ? newestDue(at - shiftMs, intervalMs, phase) + shiftMs : at;
        const before = { dues: new Map([['a', stored]]), askedUntil: null };
        const start = startOf(target, { nowMs, shiftMs, cycleMs: CYCLE_MS, before });
        assert.equal(start.kind, newest > stored ? 'soon' : 'wait');
        if (start.kind === 'wait') {
          const next = nextDue(start.afterMs - shiftMs, intervalMs, phase) + shiftMs;
          assert.ok(next > stored && next > nowMs && next - nowMs <= intervalMs);
        } else if (start.dueAt !== null) {
          assert.ok(start.dueAt > stored && start.dueAt <= nowMs && nowMs - start.dueAt <= CYCLE_MS);
        } else assert.ok(nowMs - newest > CYCLE_MS);
      }),
    );
  });

  test('is not asked again for what the leaving one asked for and has not answered', () => {
    fc.assert(
      fc.property(case_, ({ intervalMs, nowMs, shiftMs, agoMs }) => {
        const before = { dues: new Map([['a', nowMs - agoMs]]), askedUntil: nowMs - 5 };
        const start = startOf(targetOf('a', intervalMs), { nowMs, shiftMs, cycleMs: CYCLE_MS, before });
        const newest = newestDue(nowMs - shiftMs, intervalMs, phaseOf('a')) + shiftMs;
        assert.equal(start.kind, newest > nowMs - 5 && newest > nowMs - agoMs ? 'soon' : 'wait');
      }),
    );
  });

  test('but what a clock that was ahead says of the future keeps nobody from asking', () => {
    const dues = new Map([['a', NOW - 10_000]]);
    for (const before of [
      { dues: new Map([['a', NOW + HOUR_MS]]), askedUntil: null },
      { dues, askedUntil: NOW + HOUR_MS },
      NOTHING_BEFORE,
    ])
      assert.equal(
        startOf(targetOf('a', 5_000), { nowMs: NOW, shiftMs: 0, cycleMs: CYCLE_MS, before }).kind,
        'soon',
      );
  });
});

describe('the shift of instants', () => {
  const targets = Array.from({ length: 12 }, (_, index) =>
    targetOf(`t${index}`, index % 3 === 0 ? 60_000 : 2_000),
  );
  /** What is stored of targets that were checked at this time with this shift. */
  const stored = (names: readonly string[], atMs: number, shiftMs: number): [string, number][] =>
    names.map((name) => {
      const { intervalMs } = targets.find((target) => target.name === name) ?? targetOf(name);
      return [name, newestDue(atMs - shiftMs, intervalMs, phaseOf(name)) + shiftMs];
    });
  const names = targets.map((target) => target.name);

  test('is the one they have while the clock goes forward, however long nobody collected', () => {
    fc.assert(
      fc.property(shift, fc.integer({ min: 0, max: 100 * HOUR_MS }), (shiftMs, awayMs) => {
        assert.equal(shiftOf(targets, new Map(stored(names, NOW, shiftMs)), NOW + awayMs), shiftMs);
      }),
    );
  });

  test('is one that no stored instant of the future has', () => {
    const part = fc.record({
      names: fc.subarray(names, { minLength: 1 }),
      shiftMs: shift,
      aheadMs: fc.integer({ min: -HOUR_MS, max: HOUR_MS }),
    });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const dues = new Map(parts.flatMap((one) => stored(one.names, NOW + one.aheadMs, one.shiftMs)));
        const found = shiftOf(targets, dues, NOW);
        for (const { name, intervalMs } of targets) {
          const due = dues.get(name);
          if (due === undefined || due <= NOW + STEP_MS) continue;
          const again = newestDue(due - found, intervalMs, phaseOf(name)) + found;
          assert.notEqual(again, due, `${name} would come to ${due} a second time`);
        }
      }),
    );
  });

  test('is not moved by instants out of turn, by other clocks that differ a little, or by what is gone', () => {
    const dues = new Map([
      ...stored(names.slice(2), NOW, 3),
      ['t0', NOW - 777],
      ['t1', NOW + 400],
      ['gone', NOW + HOUR_MS],
    ] as const);
    assert.equal(shiftOf(targets, dues, NOW), 3);
    assert.equal(shiftOf(targets, new Map(), NOW), 0);
  });
});

describe('collectors one after the other', () => {
  test('ask for every instant once, whatever they are, while the clock goes forward', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const targets = names.map((name) => targetOf(name, 5_000));
    const turn = fc.record({
      ledMs: fc.integer({ min: 500, max: 20_000 }),
      gapMs: fc.integer({ min: 0, max: 4_500 }),
      says: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(turn, { minLength: 1, maxLength: 6 }), (turns) => {
        const asked: { name: string; dueAt: number }[] = [];
        let now = 1_000;
        let before = NOTHING_BEFORE;
        for (const { ledMs, gapMs, says } of turns) {
          const scene = new Scene(5_000);
          scene.monotonic = now;
          scene.ticker.start(targets, before);
          scene.pass(ledMs);
          const askedUntil = scene.ticker.stop();
          asked.push(...scene.due.map(({ target, dueAt }) => ({ name: target.name, dueAt })));
          now = scene.monotonic + gapMs;
          before = {
            dues: new Map(asked.map((one) => [one.name, one.dueAt])),
            askedUntil: says ? askedUntil : null,
          };
        }
        for (const name of names) {
          // The very first one is out of turn.
          const dues = asked
            .filter((one) => one.name === name)
            .map((one) => one.dueAt)
            .slice(1);
          for (const [index, dueAt] of dues.slice(1).entries())
            assert.equal(dueAt - (dues[index] ?? 0), 5_000, `${name} after ${dues[index]}`);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('the same one again, with a check of its first time still under way: it is not asked for again', () => {
    const targets = [targetOf('a', 5_000)];
    const scene = started(targets);
    scene.pass(5_100);
    scene.quick = false;
    scene.pass(5_000);
    const count = scene.due.length;
    const [running] = scene.due.slice(-1);
    assert.equal(scene.ticker.running, 1);
    scene.ticker.stop();
    scene.away(300);
    scene.ticker.start(targets, { dues: new Map([['a', (running?.dueAt ?? 0) - 5_000]]), askedUntil: null });
    scene.pass(1_000);
    assert.equal(scene.due.length, count);
  });

  test('after a restart while the clock was an hour ahead, no instant comes a second time', () => {
    const targets = Array.from({ length: 10 }, (_, index) => targetOf(`t${index}`, 3_000));
    const first = started(targets);
    first.pass(10_000);
    first.wallAhead -= 5_000;
    first.pass(1_000);
    const stored = new Map(first.due.map((due) => [due.target.name, due.dueAt]));
    const second = new Scene();
    second.monotonic = first.monotonic;
    second.wallAhead = first.wallAhead;
    second.ticker.start(targets, { dues: stored, askedUntil: null });
    second.pass(10_000);
    const keys = [...first.due, ...second.due].map((due) => `${due.target.name} ${due.dueAt}`);
    assert.equal(new Set(keys).size, keys.length);
    assert.ok(second.due.length >= 30);
  });

  test('many that were missed are caught up at 500 a second, oldest first', () => {
    const targets = Array.from({ length: 2_000 }, (_, index) => targetOf(`t${index}`, 30_000));
    const scene = new Scene(30_000);
    const dues = new Map(targets.map(({ name }) => [name, scene.wall - HOUR_MS]));
    scene.ticker.start(targets, { dues, askedUntil: null });
    scene.pass(1_000);
    assert.ok(scene.due.length >= 450 && scene.due.length <= 650, `${scene.due.length} in a second`);
    const made = scene.due.filter((due) => due.dueAt < 1_700_000_000_000).map((due) => due.dueAt);
    assert.deepEqual(
      made,
      [...made].sort((x, y) => x - y),
    );
    assert.ok(made.length > 300);
  });
});
