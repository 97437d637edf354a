/** How results are put into batches: nothing lost, nothing split, order kept, bounded. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Entry, gather, isRefused, withoutUnstorable } from '../../src/queue/batches.js';
import { orderedId } from '../../src/queue/ids.js';
import { resultOf } from './batch-kit.js';

describe('gathering', () => {
  test('keeps every result and cycle once, in order, and never splits what belongs together', () => {
    const entry = fc.record({
      size: fc.integer({ min: 0, max: 400 }),
      cycle: fc.boolean(),
      declares: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), (sizes) => {
        let n = 0;
        const entries: Entry[] = sizes.map(({ size, cycle, declares }) => ({
          results: Array.from({ length: size }, () => resultOf('s', n++)),
          ...(cycle ? { cycles: [{ ts: n, intervalMs: 1, expected: 1, skipped: 0 }] } : {}),
          ...(declares ? { declare: [] } : {}),
        }));
        const batches = gather(entries, 'node');
        assert.deepEqual(
          batches.flatMap((batch) => batch.results.map((result) => result.dueAt)),
          Array.from({ length: n }, (_, index) => index),
        );
        assert.equal(
          batches.flatMap((batch) => batch.cycles).length,
          sizes.filter((one) => one.cycle).length,
        );
        assert.equal(
          batches.filter((batch) => batch.declare !== undefined).length,
          sizes.filter((one) => one.declares).length,
        );
        for (const batch of batches) {
          assert.ok(batch.results.length < 900);
          const starts = entries.map((one) => one.results?.[0]?.dueAt);
          if (batch.results.length > 0) assert.ok(starts.includes(batch.results[0]?.dueAt));
        }
        const ids = batches.map((batch) => batch.id);
        assert.deepEqual(ids, [...ids].sort());
      }),
    );
  });
});

describe('ids', () => {
  test('sort in the order of making, also within a millisecond and across a clock that steps back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 44 }), { maxLength: 50 }), (instants) => {
        const made = instants.flatMap((at) => [orderedId(at), orderedId(at)]);
        assert.deepEqual(made, [...made].sort());
        assert.equal(new Set(made).size, made.length);
        for (const id of made)
          assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      }),
    );
    const many = Array.from({ length: 10_000 }, () => orderedId(2 ** 45));
    assert.deepEqual(many, [...many].sort());
  });
});

describe('what jsonb cannot hold', () => {
  test('is taken out wherever it is; everything else stays as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const clean = withoutUnstorable(value);
        const text = JSON.stringify(clean);
        assert.doesNotMatch(text.replaceAll('\\\\', ''), /\\u0000|\\ud[89a-f]/);
        assert.deepEqual(withoutUnstorable(clean), clean);
        if (!/\\u0000|\\ud[89a-f]/.test(JSON.stringify(value))) assert.deepEqual(clean, value);
      }),
    );
    assert.deepEqual(withoutUnstorable({ 'a\0': ['x\0y', { b: '\ud800' }], n: 1, z: null }), {
      a: ['xy', { b: '\ufffd' }],
      n: 1,
      z: null,
    });
  });

  test('is told from a database that is away', () => {
    assert.equal(isRefused(Object.assign(new Error('x'), { code: '22P05' })), true);
    for (const code of ['08006', '57P01', 'ECONNREFUSED', '53300', '42P01', undefined])
      assert.equal(isRefused(Object.assign(new Error('x'), { code })), false);
  });
});
