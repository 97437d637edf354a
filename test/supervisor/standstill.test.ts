/** Lost if this fails: a laptop that wakes up, or a machine that was paused, calls everything down that it was checking. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FamilySpec } from '../../src/contract/family.js';
import type { Finding, Result } from '../../src/contract/result.js';
import { runBatch } from '../../src/supervisor/probe-host.js';

const TIMEOUT_MS = 1_000;

/** What comes of a check that says `finding` after so long by the monotonic clock. */
async function resultAfter(tookMs: number, finding: Finding): Promise<Result | undefined> {
  const results: Result[] = [];
  let now = 0;
  await runBatch(
    {
      spec: { name: 'fixture' } as FamilySpec,
      probe: async () => {
        now += tookMs;
        return [finding];
      },
      clock: { now: () => 1_700_000_000_000 + now, monotonic: () => now },
      log: { debug: () => {}, info: () => {}, warn: () => {} },
      post: (message) => void results.push(...message.results),
    },
    { batch: 1, items: [{ name: 'one', dueAt: 1, timeoutMs: TIMEOUT_MS, config: { name: 'one' } }] },
  );
  return results[0];
}

const timeout: Finding = { verdict: 'fail', code: 'timeout', detail: 'no answer within 1 s' };

test('a failure that comes long after its deadline says something of this machine, not of the target', async () => {
  const result = await resultAfter(3_000, timeout);
  assert.deepEqual([result?.verdict, result?.code], ['unknown', 'probe_overrun']);
  assert.match(result?.detail ?? '', /stood still/);
});

test('one that comes at its deadline, or a little after on a busy machine, is a failure', async () => {
  assert.equal((await resultAfter(TIMEOUT_MS + 300, timeout))?.verdict, 'fail');
});

test('an answer that is good counts, however late it was read', async () => {
  assert.equal((await resultAfter(3_000, { verdict: 'pass', detail: 'fine' }))?.verdict, 'pass');
});
