/** Lost if this fails: a board that shows, for as long as Matrix runs, what nobody needs to know and no table holds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownNews } from '../../src/app/unstored.js';
import { type Result, SELF_FAMILY } from '../../src/contract/result.js';

const said = (family: string, verdict: Result['verdict']): Result => ({
  service: `of-${family}`,
  family,
  target: `of-${family}`,
  dueAt: 1,
  startedAt: 1,
  durationMs: 0,
  verdict,
  detail: verdict,
});

test('what Matrix says of itself is shown from the first trouble to its end; targets always', () => {
  const worthShowing = ownNews();
  const verdicts = ['pass', 'fail', 'fail', 'pass', 'pass'] as const;
  const shown = (family: string) => verdicts.map((verdict) => worthShowing(said(family, verdict)));
  assert.deepEqual(shown(SELF_FAMILY), [false, true, true, true, false]);
  assert.deepEqual(shown('http'), [true, true, true, true, true]);
});
