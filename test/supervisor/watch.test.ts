/** Who stands still is seen within two seconds, who hangs is told, and nobody is accused of what main did itself. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import fc from 'fast-check';
import { Watch, type Watching } from '../../src/supervisor/watch.js';

const LOOK_MS = 250;
let now = 0;
const clock = { now: () => now, monotonic: () => now };

/** The next look comes after this many ms, whatever was meant. */
function look(afterMs = LOOK_MS): void {
  now += afterMs;
  mock.timers.tick(LOOK_MS);
}

interface Seen {
  readonly watch: Watch;
  readonly main: number[];
  readonly said: string[];
  /** Adds a child that beats when `beats.count` is raised. */
  child(hangMs?: number): { watching: Watching; beats: { count: number } };
}

function watching(): Seen {
  const main: number[] = [];
  const said: string[] = [];
  const watch = new Watch({ clock, onMainStalled: (forMs) => void main.push(forMs) });
  watch.start();
  return {
    watch,
    main,
    said,
    child(hangMs = 10_000) {
      const beats = { count: 1 };
      const watched = watch.add({
        beats: () => beats.count,
        hangMs,
        onStalled: () => void said.push('stalled'),
        onRecovered: (forMs) => void said.push(`recovered after ${forMs}`),
        onHung: () => void said.push('hung'),
      });
      return { watching: watched, beats };
    },
  };
}

beforeEach(() => {
  now = 0;
  mock.timers.enable({ apis: ['setInterval'] });
});
afterEach(() => mock.timers.reset());

describe('a child whose loop stands still', () => {
  test('is seen within two seconds, told once, and told again when it moves', () => {
    const { said, child } = watching();
    const { watching: watched, beats } = child();
    for (let looks = 0; looks < 20; looks += 1) {
      beats.count += 1;
      look();
    }
    assert.equal(watched.stalledMs, null);
    const stoppedAt = now;
    while (watched.stalledMs === null) look();
    assert.ok(now - stoppedAt <= 2_000, `seen after ${now - stoppedAt} ms`);
    look();
    assert.equal(watched.stalledMs, now - stoppedAt);
    beats.count += 1;
    look();
    assert.deepEqual(said, ['stalled', `recovered after ${now - stoppedAt}`]);
    assert.equal(watched.stalledMs, null);
  });

  test('hangs when it does so for long, and only after a second look', () => {
    const { said, child } = watching();
    child(3_000);
    while (now < 3_000) look();
    assert.deepEqual(said, ['stalled']);
    look();
    assert.deepEqual(said, ['stalled', 'hung']);
  });

  test('is not accused before its first sign of life: it is still starting', () => {
    const { said, child } = watching();
    const { beats } = child(1_000);
    beats.count = 0;
    for (let looks = 0; looks < 100; looks += 1) look();
    assert.deepEqual(said, []);
  });

  test('and that is ended is not looked at any more', () => {
    const { said, child, watch } = watching();
    child(1_000).watching.end();
    for (let looks = 0; looks < 100; looks += 1) look();
    assert.deepEqual(said, []);
    assert.equal(watch.size, 0, 'nothing is kept of it');
  });
});

describe('the main thread', () => {
  test('that stood still says so, and accuses none of the children (each would be killed for it)', () => {
    const { main, said, child } = watching();
    child(5_000);
    for (let stalls = 0; stalls < 20; stalls += 1) {
      look(30_000);
      // What the child sent meanwhile is read only now.
      look();
    }
    assert.equal(main.length, 20);
    assert.equal(main[0], 30_000 - LOOK_MS);
    assert.ok(!said.includes('hung'));
  });

  test('a little late is neither reported nor held against anybody', () => {
    const { main, said, child } = watching();
    const { beats } = child();
    for (let looks = 0; looks < 40; looks += 1) {
      look(700);
      if (looks % 2 === 0) beats.count += 1;
    }
    assert.deepEqual([main, said], [[], []]);
  });

  test('late again and again does not keep a hung child alive for ever', () => {
    const { said, child } = watching();
    child(5_000);
    for (let rounds = 0; rounds < 40 && !said.includes('hung'); rounds += 1) {
      look(2_000);
      look();
      look();
    }
    assert.ok(said.includes('hung'));
  });
});

test('whatever the looks and the beats: stalled and recovered alternate, and nobody hangs who has beaten lately', () => {
  const step = fc.record({ afterMs: fc.integer({ min: 1, max: 3_000 }), beats: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { said, child, watch } = watching();
      const hangMs = 4_000;
      const { beats } = child(hangMs);
      let beatenAt = now;
      for (const { afterMs, beats: alive } of steps) {
        if (alive) {
          beats.count += 1;
          beatenAt = now;
        }
        const before = said.length;
        look(afterMs);
        if (said.slice(before).includes('hung')) assert.ok(now - beatenAt >= hangMs);
      }
      watch.stop();
      const kinds = said.filter((one) => one !== 'hung').map((one) => one.split(' ')[0]);
      kinds.forEach((kind, index) => {
        assert.equal(kind, index % 2 === 0 ? 'stalled' : 'recovered');
      });
    }),
  );
});
