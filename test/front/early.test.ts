/** What main says before the front serves is not lost, and costs a bounded amount of memory however long that lasts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Changes, ToFront } from '../../schema/messages.js';
import { LIMITS } from '../../src/contract/limits.js';
import { Early } from '../../src/front/early.js';

const commit = (rev: number): ToFront => ({
  kind: 'changes',
  changes: { rev, checks: [], removed: [], alerts: [], cycle: null } satisfies Changes,
});
const metrics = (value: number): ToFront => ({
  kind: 'metrics',
  samples: [{ name: 'matrix_targets', help: '', type: 'gauge', labels: {}, value }],
});

test('the newest commits and figures are kept, and the address of the database whatever comes after it', () => {
  const early = new Early();
  const limit = LIMITS.front_early_messages.value;
  early.add({ kind: 'database', url: 'postgres://somewhere' });
  for (let count = 1; count <= 50 * limit; count += 1) {
    early.add(commit(count));
    early.add(metrics(count));
  }
  const kept = early.take();
  assert.equal(kept.length, limit + 1);
  assert.deepEqual(kept[0], { kind: 'database', url: 'postgres://somewhere' });
  assert.deepEqual(kept.at(-2), commit(50 * limit));
  assert.deepEqual(kept.at(-1), metrics(50 * limit));
  assert.deepEqual(early.take(), []);
});
