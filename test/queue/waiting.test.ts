/** What is in memory while neither database nor disk takes it: bounded, in order, and every loss counted. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Batch } from '../../schema/messages.js';
import { LIMITS } from '../../src/contract/limits.js';
import type { Verdict } from '../../src/contract/result.js';
import { resultsIn } from '../../src/queue/batches.js';
import { DropWatch } from '../../src/queue/drops.js';
import { Waiting } from '../../src/queue/waiting.js';
import { resultOf } from './batch-kit.js';

const MAX = 1_000;
const declare = (name: string): NonNullable<Batch['declare']> => [
  { name, family: 'http', intervalMs: 1_000, config: {} },
];

type Step =
  | { readonly add: number; readonly verdict: Verdict }
  | { readonly take: number; readonly done: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    add: fc.integer({ min: 1, max: 300 }),
    verdict: fc.constantFrom<Verdict>('pass', 'pass', 'pass', 'fail'),
  }),
  fc.record({ take: fc.integer({ min: 1, max: 4 }), done: fc.integer({ min: 0, max: 4 }) }),
);

describe('results in memory', () => {
  test('are taken once and in order or counted as dropped, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const waiting = new Waiting('test', MAX);
        const gone: number[] = [];
        let made = 0;
        for (const one of steps) {
          if ('add' in one) {
            for (let n = 0; n < one.add; n += 1)
              waiting.add({ results: [resultOf(`s${made % 7}`, made++, one.verdict)] });
            assert.ok(waiting.results <= MAX + 1);
          } else {
            const batches = waiting.take(one.take);
            const done = batches.slice(0, one.done);
            waiting.done(done);
            gone.push(...done.flatMap(({ results }) => results.map(({ dueAt }) => dueAt)));
            waiting.putBack(batches.slice(one.done));
          }
          assert.equal(gone.length + waiting.results + waiting.dropped, made);
        }
        const rest = waiting.take(Number.POSITIVE_INFINITY);
        gone.push(...rest.flatMap(({ results }) => results.map(({ dueAt }) => dueAt)));
        assert.deepEqual(
          gone,
          [...new Set(gone)].sort((a, b) => a - b),
        );
        assert.equal(gone.length + waiting.dropped, made);
      }),
    );
  });

  test('a batch that was put back keeps its id: what it says of cycles is counted once', () => {
    const waiting = new Waiting('test', MAX);
    waiting.add({ results: [resultOf('s', 1)] });
    const [first] = waiting.take(1);
    assert.ok(first !== undefined);
    waiting.putBack([first]);
    waiting.add({ results: [resultOf('s', 2)] });
    assert.deepEqual(
      waiting.take(5).map(({ id }) => id === first.id),
      [true, false],
    );
  });

  test('beyond the limit routine passes go before failures, and the declaration stays', () => {
    const waiting = new Waiting('test', MAX);
    waiting.add({ declare: declare('old') });
    waiting.add({ declare: declare('new') });
    for (let n = 0; n < 5 * MAX; n += 1) {
      waiting.add({ results: [resultOf('s', n, n % 10 === 0 ? 'fail' : 'pass')] });
    }
    const batches = waiting.take(Number.POSITIVE_INFINITY);
    const kept = batches.flatMap(({ results }) => results);
    assert.equal(kept.length + waiting.dropped, 5 * MAX);
    assert.ok(kept.filter(({ verdict }) => verdict === 'fail').length > 0.15 * kept.length);
    const declared = batches.flatMap((batch) => batch.declare ?? []);
    assert.equal(declared.at(-1)?.name, 'new');
    assert.ok(batches.findIndex((batch) => batch.declare !== undefined) === 0, 'before what it explains');
  });

  test('has the limit that is named', () => {
    const waiting = new Waiting('test');
    const batch = Array.from({ length: 1_000 }, (_, n) => resultOf('s', n));
    for (let n = 0; n < 2 * LIMITS.pending_results.value; n += 1_000) waiting.add({ results: batch });
    assert.ok(waiting.results <= LIMITS.pending_results.value);
    assert.ok(resultsIn(waiting.take(1_000)) > 0);
    assert.ok(waiting.dropped >= LIMITS.pending_results.value);
  });
});

test('drops are said at the first, at each doubling, once a minute, and anew after it was over', () => {
  const watch = new DropWatch();
  assert.equal(watch.look(0, 0), null);
  assert.equal(watch.look(3, 1), 3);
  assert.equal(watch.look(5, 2), null);
  assert.equal(watch.look(6, 3), 6);
  assert.equal(watch.look(7, 60_002), null);
  assert.equal(watch.look(7, 60_003), 7);
  assert.equal(watch.look(7, 200_000), null, 'not again when nothing was dropped since');
  watch.over(7);
  assert.equal(watch.look(7, 200_001), null);
  assert.equal(watch.look(8, 200_002), 1);
});
