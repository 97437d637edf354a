/** Lost if this fails: on a terminal a gap in the checks looks like no gap. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getServiceHistory } from '../../src/front/operations/get-service-history.js';
import { getUptimeReport } from '../../src/front/operations/get-uptime-report.js';
import { span } from '../../src/front/operations/words.js';

const row = (ts: string, not_observed_s: number | null) =>
  ({ ts, status: 'pass', code: null, detail: 'fine', duration_ms: 3, not_observed_s }) as const;

test('a history names each gap where it was, and on top the one that goes on', () => {
  const history = [row('2026-01-02T06:00:00.000Z', 10_920), row('2026-01-02T02:57:30.000Z', null)];
  const view = getServiceHistory.cli.view({ service: 'a', hours: 24, not_observed_s: 7_500, history });
  assert.deepEqual(view.lines, [
    'not observed for 2 h 5 min until now: the newest result is of 2026-01-02T06:00:00.000Z',
  ]);
  assert.deepEqual(
    view.rows?.map((cells) => [cells[0], cells.at(-1)]),
    [
      ['2026-01-02T06:00:00.000Z', 'fine'],
      ['', 'not observed for 3 h 2 min'],
      ['2026-01-02T02:57:30.000Z', 'fine'],
    ],
  );
});

test('where nothing is missing it says nothing of it', () => {
  const history = [row('2026-01-02T06:00:00.000Z', 0), row('2026-01-02T05:59:30.000Z', null)];
  for (const not_observed_s of [0, null]) {
    const view = getServiceHistory.cli.view({ service: 'a', hours: 24, not_observed_s, history });
    assert.deepEqual([view.lines, view.rows?.length], [[], 2]);
  }
});

test('an uptime report says it in words', () => {
  const counts = { passes: 99, warns: 0, fails: 1, total: 100, uptime_percent: 99 };
  const services = [10_920, 0, null].map((not_observed_s) => ({ service: 'a', ...counts, not_observed_s }));
  const view = getUptimeReport.cli.view({ days: 7, services });
  assert.equal(view.columns?.at(-1), 'NOT OBSERVED');
  assert.deepEqual(
    view.rows?.map((cells) => cells.at(-1)),
    ['3 h 2 min', '-', '-'],
  );
});

test('a span is told by its two largest units', () => {
  const cases = { 0: '0 s', 59: '59 s', 60: '1 min', 61: '1 min 1 s', 3600: '1 h', 86399: '23 h 59 min' };
  for (const [seconds, words] of Object.entries({ ...cases, 86400: '1 d', 363600: '4 d 5 h' }))
    assert.equal(span(Number(seconds)), words);
});
