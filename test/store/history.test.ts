/** Lost if this fails: a Matrix that was dead for a night looks like a night without trouble. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Result } from '../../src/contract/result.js';
import { serviceHistory, uptimeReport } from '../../src/store/history.js';
import { resultOf } from '../queue/batch-kit.js';
import { type Rig, startRig } from '../writer/writer-kit.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Three hours and two minutes, in checks of a minute. */
const GAP = 182;
const names = ['whole', 'gap', 'ended', 'born', 'older', 'faster', 'never', 'froze', 'lately'];

let rig: Rig;
let producer: Rig['producer'];
let pool: Rig['pool'];
let settled: Rig['settled'];
const now = Date.now();
/** Six hours ago and a bit, in the middle of an hour. */
const start = now - 6 * HOUR_MS - 10 * MINUTE_MS;

/** Every minute since `from` but those that are left out. */
function minutes(service: string, from: number, isMissing: (n: number, ageMs: number) => boolean): Result[] {
  const results: Result[] = [];
  for (let at = from, n = 0; at <= now; at += MINUTE_MS, n += 1) {
    if (!isMissing(n, now - at)) results.push(resultOf(service, at, n % 7 === 0 ? 'fail' : 'pass'));
  }
  return results;
}

/** Two hours ago nobody collected for 150 s; the check that was missed last was made up for after 30 s of them. */
const madeUpAt = start + 240 * MINUTE_MS + 30_000;
function frozen(): Result[] {
  const all = minutes('froze', start, (n) => n === 238 || n === 239);
  return all.map((result) =>
    result.dueAt === madeUpAt - 30_000 ? { ...result, startedAt: madeUpAt } : result,
  );
}

before(async () => {
  rig = await startRig();
  ({ producer, pool, settled } = rig);
  const declare = names.map((name) => ({ name, family: 'http', intervalMs: MINUTE_MS, config: { name } }));
  producer.add({ declare });
  await settled();
  await pool.query('UPDATE matrix.services SET created_at = to_timestamp($1 / 1000.0)', [start]);
  const never = (): boolean => false;
  const inGap = (n: number): boolean => n >= 60 && n < 60 + GAP;
  producer.add({ results: minutes('whole', start, never) });
  producer.add({ results: minutes('gap', start, inGap) });
  producer.add({ results: minutes('ended', start, (_, ageMs) => ageMs < 2 * HOUR_MS) });
  producer.add({ results: minutes('born', now - HOUR_MS, never) });
  producer.add({ results: minutes('older', start, never) });
  producer.add({ results: minutes('faster', start, never) });
  producer.add({ results: frozen() });
  const late = (result: Result): boolean =>
    now - result.dueAt >= 5 * MINUTE_MS && now - result.dueAt < 6 * MINUTE_MS;
  const lately = minutes('lately', start, never);
  producer.add({ results: lately.map((of) => (late(of) ? { ...of, startedAt: of.dueAt + 45_000 } : of)) });
  const self = { family: 'matrix', target: 'matrix-family-http' };
  producer.add({ results: [resultOf('matrix-family-http', start, 'fail', self)] });
  await settled();
});
after(() => rig.close());

const notObserved = async (service: string): Promise<number | null | undefined> =>
  (await uptimeReport(pool, { days: 7 })).find((row) => row.service === service)?.not_observed_s;
const historyOf = async (service: string) => {
  const found = await serviceHistory(pool, { service, hours: 24, limit: 1_000 });
  assert.ok(found);
  return found;
};
/** Equal but for the moments that the test itself took. */
function about(value: number | null | undefined, expectedS: number): void {
  assert.ok(typeof value === 'number' && Math.abs(value - expectedS) <= 30, `${value} s, not ${expectedS} s`);
}

describe('uptime', () => {
  test('where every check was made nothing is missing', async () => {
    assert.equal(await notObserved('whole'), 0);
  });

  test('a gap is neither up nor down: it is not observed, and changes no percentage', async () => {
    about(await notObserved('gap'), GAP * 60);
    const rows = await uptimeReport(pool, { days: 7 });
    const row = rows.find(({ service }) => service === 'gap');
    assert.equal((row?.total ?? 0) + GAP, rows.find(({ service }) => service === 'whole')?.total);
  });

  test('so is the time since the newest result, and the whole life of what was never checked', async () => {
    about(await notObserved('ended'), 2 * 3_600 - 60);
    about(await notObserved('never'), (now - start) / 1_000 - 60);
  });

  test('it begins with the service: before that nobody was to observe it', async () => {
    await pool.query(
      `UPDATE matrix.services SET created_at = to_timestamp($1 / 1000.0) WHERE name = 'born'`,
      [now - HOUR_MS],
    );
    assert.equal(await notObserved('born'), 0);
  });

  test('results that come a second time fill no gap', async () => {
    producer.add({ results: minutes('gap', start, (n) => n >= 60) });
    await settled();
    about(await notObserved('gap'), GAP * 60);
  });

  test('those that come late do, wherever they come from', async () => {
    producer.add({ results: minutes('gap', start, (n) => n < 60 || n >= 60 + 62).reverse() });
    await settled();
    about(await notObserved('gap'), (GAP - 62) * 60);
  });

  test('rows of an older Matrix count by their checks: an update does not turn the past into a gap', async () => {
    const ofOlder = `service_id = (SELECT id FROM matrix.services WHERE name = 'older')`;
    await pool.query(`UPDATE matrix.uptime_hourly SET observed_ms = NULL WHERE ${ofOlder}`);
    about(await notObserved('older'), 0);
    producer.add({ results: [resultOf('older', now + 1)] });
    await settled();
    about(await notObserved('older'), 0);
  });

  test('what is not checked by a clock has no such time', async () => {
    assert.equal(await notObserved('matrix-family-http'), null);
  });
});

describe('history', () => {
  test('says before which check there was a gap, and for how long', async () => {
    const { history, not_observed_s } = await historyOf('gap');
    const gaps = history.filter((row) => row.not_observed_s !== 0).map((row) => [row.ts, row.not_observed_s]);
    const oldest = history.at(-1);
    assert.deepEqual(gaps, [
      [new Date(start + (60 + GAP) * MINUTE_MS + 3).toISOString(), (GAP - 62) * 60],
      [oldest?.ts, null],
    ]);
    assert.equal(not_observed_s, 0);
  });

  test('tells when a check was made, not when one was missed; and of the gap before it what uptime tells', async () => {
    const { history } = await historyOf('froze');
    const gaps = history.filter((row) => row.not_observed_s !== 0).map((row) => [row.ts, row.not_observed_s]);
    assert.deepEqual(gaps, [
      [new Date(madeUpAt).toISOString(), 150],
      [history.at(-1)?.ts, null],
    ]);
    const told = new Set<number | null | undefined>();
    for (let n = 0; n < 4; n += 1) {
      told.add(await notObserved('froze'));
      await pool.query('SELECT pg_sleep(0.6)');
    }
    assert.deepEqual([...told], [150], 'it says the same whenever it is asked');
  });

  test('a gap of the current hour is not hidden by what the newest result says of the time to come', async () => {
    const { history } = await historyOf('lately');
    assert.deepEqual(
      history.flatMap((row) => row.not_observed_s || []),
      [45],
    );
    assert.equal(await notObserved('lately'), 45);
  });

  test('says that nothing came since the newest check', async () => {
    about((await historyOf('ended')).not_observed_s, 2 * 3_600 - 60);
    assert.deepEqual(await historyOf('never'), { history: [], not_observed_s: null });
  });

  test('an interval that was changed makes no gap of the past', async () => {
    await pool.query(`UPDATE matrix.services SET interval_ms = 5000 WHERE name = 'faster'`);
    const { history } = await historyOf('faster');
    assert.ok(history.length > 300);
    assert.ok(history.slice(0, -1).every((row) => row.not_observed_s === 0));
  });

  test('does not guess of rows of an older Matrix, nor of what Matrix says about itself', async () => {
    await pool.query(
      'UPDATE matrix.results SET observed_ms = NULL WHERE due_at < to_timestamp($1 / 1000.0)',
      [now - HOUR_MS],
    );
    const { history } = await historyOf('whole');
    const old = history.filter((row) => Date.parse(row.ts) < now - HOUR_MS);
    assert.ok(old.length > 200 && old.every((row) => row.not_observed_s === null));
    const self = await historyOf('matrix-family-http');
    assert.deepEqual([self.not_observed_s, self.history[0]?.not_observed_s], [null, null]);
  });
});
