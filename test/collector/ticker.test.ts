/** Which checks are asked for, and when, on a clock that the test moves. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Due } from '../../src/supervisor/due.js';
import { HOUR_MS, longestGap, onOwnTimers, started, targetOf } from './ticker-kit.js';

onOwnTimers();

describe('a target', () => {
  test('is looked at within a second of the start, then once an interval, never early and hardly late', () => {
    const scene = started(['a', 'b', 'c'].map((name) => targetOf(name, 5_000)));
    scene.pass(1_020);
    assert.deepEqual(new Set(scene.due.map((due) => due.target.name)), new Set(['a', 'b', 'c']));
    scene.pass(60_000);
    for (const name of ['a', 'b', 'c']) {
      const regular = scene.of(name).slice(1);
      assert.ok(regular.length === 12 || regular.length === 13);
      for (const due of regular) assert.ok(due.wall >= due.dueAt && due.wall - due.dueAt <= 40);
      for (const [index, due] of regular.slice(1).entries())
        assert.equal(due.dueAt - (regular[index]?.dueAt ?? 0), 5_000);
    }
    assert.equal(scene.ticker.skipped, 0);
  });

  test('keeps its place in the interval across restarts', () => {
    const first = started([targetOf('a', 5_000)]);
    first.pass(20_000);
    const second = started([targetOf('a', 5_000)]);
    second.monotonic += 77_777;
    second.pass(20_000);
    assert.equal((first.of('a').at(-1)?.dueAt ?? 0) % 5_000, (second.of('a').at(-1)?.dueAt ?? 1) % 5_000);
  });

  test('of many is not one of a herd', () => {
    const scene = started(Array.from({ length: 2_000 }, (_, n) => targetOf(`t${n}`, 10_000)));
    scene.pass(4_100);
    assert.equal(
      new Set(scene.due.map((due) => due.target.name)).size,
      2_000,
      'all are seen in four seconds',
    );
    let before = scene.due.length;
    for (let slot = 0; slot < 600; slot += 1) {
      scene.pass(20);
      assert.ok(scene.due.length - before < 30, `${scene.due.length - before} at once`);
      before = scene.due.length;
    }
  });

  test('whose check still runs is left out and counted, not asked for twice', () => {
    const scene = started([targetOf('a')]);
    scene.quick = false;
    scene.pass(5_000);
    assert.equal(scene.due.length, 1);
    assert.ok(scene.ticker.skipped >= 3);
    assert.equal(scene.ticker.running, 1);
    scene.ticker.answered(scene.due[0] as Due);
    assert.equal(scene.ticker.running, 0);
    scene.pass(1_100);
    assert.equal(scene.due.length, 2);
  });
});

describe('a late tick', () => {
  test('is one check a target, not one for each instant that passed', () => {
    const scene = started([targetOf('a'), targetOf('b')]);
    scene.pass(3_000);
    const before = scene.due.length;
    scene.stall(4_000);
    assert.equal(scene.due.length, before + 2);
    scene.pass(1_000);
    assert.equal(scene.due.length, before + 4);
  });

  test('after a long standstill asks for nothing before it could hear that another process collects now', () => {
    const scene = started([targetOf('a', 20_000), targetOf('b', 20_000)]);
    scene.pass(3_000);
    const before = scene.due.length;
    scene.stall(30_000);
    scene.pass(400);
    assert.equal(scene.due.length, before);
    scene.pass(200);
    assert.equal(scene.due.length, before + 2, 'then each is asked for once');
  });
});

describe('the wall clock', () => {
  for (const stepMs of [HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -900, 900, -5_000]) {
    test(`stepping by ${stepMs / 1000} s makes neither a storm nor a gap, and no instant comes twice`, () => {
      const names = Array.from({ length: 20 }, (_, n) => `t${n}`);
      const scene = started(names.map((name) => targetOf(name, 3_000)));
      scene.pass(10_000);
      scene.wallAhead += stepMs;
      scene.pass(10_000);
      for (const name of names) {
        const dues = scene.of(name).map((due) => due.dueAt);
        assert.equal(
          new Set(dues).size,
          dues.length,
          'a result of an instant that came before would not be stored',
        );
        assert.ok(dues.length >= 5 && dues.length <= 9, `${dues.length} checks in 20 s`);
      }
    });
  }

  test('set back by an hour leaves no target unchecked for longer than its interval', () => {
    const scene = started([targetOf('a', 2_000)]);
    scene.pass(7_000);
    const before = scene.due.length;
    scene.wallAhead -= HOUR_MS;
    scene.pass(2_100);
    assert.ok(scene.due.length > before);
    scene.pass(20_000);
    assert.ok(longestGap(scene.due.slice(before)) <= 2_040);
    assert.equal(scene.steps.length, 1);
  });

  test('creeping away is followed, and never called a step', () => {
    const scene = started([targetOf('a', 2_000)]);
    for (let slot = 0; slot < 5_000; slot += 1) {
      scene.wallAhead -= 0.5;
      scene.pass(20);
    }
    assert.deepEqual(scene.steps, []);
    const dues = scene.of('a').map((due) => due.dueAt);
    assert.equal(new Set(dues).size, dues.length);
    assert.ok(dues.length >= 48 && dues.length <= 52, `${dues.length} checks in 100 s`);
  });
});

describe('the list of targets', () => {
  test('may change: gone is gone, new is soon, changed is changed, the rest is undisturbed', () => {
    const scene = started([targetOf('stays', 4_000), targetOf('goes', 4_000), targetOf('faster', 4_000)]);
    scene.pass(10_000);
    const before = scene.of('stays').length;
    scene.ticker.set([targetOf('stays', 4_000), targetOf('faster', 1_000), targetOf('new', 4_000)]);
    const [gone, faster] = [scene.of('goes').length, scene.of('faster').length];
    scene.pass(1_040);
    assert.equal(scene.of('new').length, 1);
    scene.pass(11_000);
    assert.equal(scene.of('goes').length, gone);
    assert.ok(scene.of('faster').length - faster >= 11);
    assert.equal(scene.of('stays').length - before, 3);
    assert.ok(longestGap(scene.of('stays').slice(1)) <= 4_040);
    assert.equal(scene.ticker.get('goes'), undefined);
    assert.equal(scene.ticker.size, 3);
  });

  test('set again to the same asks for nothing more', () => {
    const scene = started([targetOf('a', 4_000)]);
    scene.pass(10_000);
    const before = scene.due.length;
    for (let n = 0; n < 10; n += 1) scene.ticker.set([targetOf('a', 4_000)]);
    scene.pass(4_000);
    assert.equal(scene.due.length - before, 1);
  });

  test('however it changes, every target is checked once an interval', () => {
    const names = ['a', 'b', 'c', 'd'];
    const change = fc.record({ present: fc.subarray(names), passMs: fc.integer({ min: 0, max: 7_000 }) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
        const scene = started([]);
        for (const { present, passMs } of changes) {
          const from = new Map(names.map((name) => [name, scene.of(name).length]));
          const kept = present.filter((name) => scene.ticker.get(name) !== undefined);
          scene.ticker.set(present.map((name) => targetOf(name, 2_000)));
          scene.pass(passMs);
          for (const name of names) {
            const made = scene.of(name).length - (from.get(name) ?? 0);
            if (!present.includes(name)) assert.equal(made, 0);
            else {
              assert.ok(made <= Math.ceil(passMs / 2_000) + 2, `${name}: ${made} in ${passMs} ms`);
              if (kept.includes(name)) assert.ok(made >= Math.floor(passMs / 2_000) - 1);
            }
          }
        }
        const keys = scene.due.map((due) => `${due.target.name} ${due.dueAt}`);
        assert.equal(new Set(keys).size, keys.length, 'no instant twice');
      }),
      { numRuns: 30 },
    );
  });

  test('a check of a target that is gone may still be answered, and its cycle closes', () => {
    const scene = started([targetOf('a')], 2_000);
    scene.quick = false;
    scene.pass(1_100);
    scene.ticker.set([targetOf('other', 60_000)]);
    const [due] = scene.of('a');
    assert.ok(due);
    scene.pass(10_000);
    scene.ticker.answered(due);
    scene.pass(40);
    assert.ok(scene.cycles.some((cycle) => due.dueAt >= cycle.ts && due.dueAt < cycle.ts + 2_000));
  });
});

describe('a check on demand', () => {
  test('is made now, not on top of one that runs, and not of a stranger', () => {
    const scene = started([targetOf('a', 60_000)]);
    scene.pass(2_000);
    scene.quick = false;
    const before = scene.due.length;
    assert.equal(scene.ticker.checkNow('a'), true);
    assert.equal(scene.ticker.checkNow('a'), true);
    assert.equal(scene.due.length, before + 1);
    assert.equal(scene.ticker.checkNow('nobody'), false);
  });
});

describe('cycles', () => {
  test('each window that had checks closes once, complete, in order', () => {
    const scene = started([targetOf('a'), targetOf('b', 5_000)], 5_000);
    scene.pass(30_000);
    const windows = scene.cycles.map((cycle) => cycle.ts);
    assert.deepEqual(
      windows,
      [...new Set(windows)].sort((x, y) => x - y),
    );
    for (const cycle of scene.cycles.slice(1)) assert.equal(cycle.expected, 6);
    assert.ok(scene.cycles.length >= 5);
  });
});

test('a stopped ticker asks for nothing', () => {
  const scene = started([targetOf('a')]);
  scene.pass(3_000);
  scene.ticker.stop();
  const before = scene.due.length;
  scene.pass(10_000);
  assert.equal(scene.due.length, before);
  scene.ticker.start([targetOf('a')]);
  scene.pass(2_100);
  assert.ok(scene.due.length > before && scene.due.length <= before + 3);
});
