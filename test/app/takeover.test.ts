/** Blue and green on one database: whoever collects may be killed, stopped or frozen, and no cycle shows it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { forget } from '../support/matrix.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';
import { type AskedServer, askedServer, type Color, configOf, Pair } from './pair-kit.js';

const CYCLE_MS = 5_000;
const paths = ['down', 'slow', ...Array.from({ length: 40 }, (_, index) => `target-${index}`)];

describe('of two on one database', () => {
  let postgres: TestPostgres;
  let server: AskedServer;
  let pair: Pair;
  /** When the collector changed, epoch ms, and how. */
  const changes: { at: number; how: 'kill' | 'stop' }[] = [];

  /** Ends the one that collects, waits for the other to ask, and starts the first one again as the standby. */
  const change = async (how: 'kill' | 'stop', leaving: Color, coming: Color): Promise<number> => {
    assert.ok(pair.collects(leaving) && !pair.collects(coming));
    const at = Date.now();
    changes.push({ at, how });
    const ended = pair[how](leaving);
    await until(`${coming} collects`, () => pair.collects(coming));
    const asked = server.asked.length;
    await until('it asks', () => server.asked.length > asked + 5);
    assert.equal(await ended, how === 'stop' ? 0 : undefined);
    await pair.start(leaving);
    return gapAround(at);
  };

  /** The time between the last request before an instant and the first one after it, in ms. */
  const gapAround = (at: number): number => {
    const times = server.asked.map((one) => one.at);
    const last = Math.max(...times.filter((time) => time <= at));
    return Math.min(...times.filter((time) => time > at)) - last;
  };
  const stored = async (): Promise<number> =>
    ((await postgres.query('SELECT count(*)::int AS n FROM matrix.results')) as [{ n: number }])[0].n;
  const settled = async (ms: number): Promise<void> => {
    const end = Date.now() + ms;
    await until('cycles go by', () => Date.now() > end);
  };

  before(async () => {
    postgres = await startPostgres();
    server = await askedServer();
    pair = new Pair(postgres, {
      config: configOf(server.port, paths, `check_interval_s = ${CYCLE_MS / 1000}`),
    });
    await pair.start('blue');
    await pair.start('green');
    await until('every target was asked', () => new Set(server.asked.map((one) => one.path)).size === 42);
    await settled(CYCLE_MS);
  });
  after(async () => {
    const places = await pair.close();
    await server.close();
    await postgres.close();
    for (const place of places) forget(place);
  });

  test('the one that stands by has its threads ready and asks for nothing', async () => {
    assert.deepEqual([pair.turns('blue'), pair.turns('green')], [[true], [false]]);
    const { body } = (await pair.get('green').get('/matrix/api/supervisor')) ?? {};
    assert.match(JSON.stringify(body), /"id":"probe:http"[^[]*"status":"running"/);
  });

  test('the other takes over within 5 s when the one that collects is killed, back and forth', async (context) => {
    for (const [leaving, coming, restMs] of [
      ['blue', 'green', 1_700],
      ['green', 'blue', 3_100],
      ['blue', 'green', 2_300],
    ] as const) {
      const gapMs = await change('kill', leaving, coming);
      context.diagnostic(`nobody was asked for ${gapMs} ms`);
      assert.ok(gapMs <= 5_000, `nobody was asked for ${gapMs} ms`);
      await settled(restMs);
    }
  });

  test('SIGTERM hands over at once, while checks of the leaving one still run', async (context) => {
    for (const [leaving, coming] of [
      ['green', 'blue'],
      ['blue', 'green'],
    ] as const) {
      const count = server.asked.filter((one) => one.path === '/slow').length;
      await until(
        'a slow check runs',
        () => server.asked.filter((one) => one.path === '/slow').length > count,
      );
      const gapMs = await change('stop', leaving, coming);
      context.diagnostic(`nobody was asked for ${gapMs} ms`);
      assert.ok(gapMs <= 2_000, `nobody was asked for ${gapMs} ms`);
      await settled(1_000);
    }
  });

  test('and in the end no cycle is missing, none is doubled, every target is in each, once', async () => {
    await until(
      'enough cycles to look at',
      async () => Number((await postgres.query('SELECT count(*) AS n FROM matrix.cycles'))[0]?.['n']) >= 10,
      60_000,
    );
    await settled(2 * CYCLE_MS);
    const collecting = pair.collects('green') ? 'green' : 'blue';
    const stoppedAt = Date.now();
    assert.equal(await pair.stop(collecting), 0);
    const rows = (await postgres.query(
      `SELECT extract(epoch FROM ts)::float8 * 1000 AS ts, pass, warn, fail, unknown, closed_at IS NOT NULL AS closed
       FROM matrix.cycles ORDER BY ts`,
    )) as { ts: number; pass: number; warn: number; fail: number; unknown: number; closed: boolean }[];
    // The first one has the first looks; the last ones were not over.
    const [first] = rows;
    const whole = rows.filter(({ ts }) => ts > (first?.ts ?? 0) + CYCLE_MS && ts + CYCLE_MS < stoppedAt);
    assert.ok(whole.length >= 6, `${whole.length} cycles`);
    for (const [index, row] of whole.slice(1).entries())
      assert.equal(row.ts - (whole[index]?.ts ?? 0), CYCLE_MS);
    assert.deepEqual(
      whole.filter((row) => row.pass !== 41 || row.fail !== 1 || row.warn + row.unknown !== 0 || !row.closed),
      [],
    );
  });

  test('nobody was asked twice for one instant but for what was in flight at a kill', async () => {
    const kills = changes.filter((one) => one.how === 'kill');
    const doubled = paths.flatMap((path) => {
      const times = server.asked.filter((one) => one.path === `/${path}`).map((one) => one.at);
      return times.slice(1).filter((at, index) => {
        const before = times[index] ?? 0;
        // The first look is out of turn; what comes within half an interval otherwise is one too many.
        return (
          index > 0 && at - before < CYCLE_MS / 2 && !kills.some((one) => Math.abs(one.at - before) < 1_500)
        );
      });
    });
    assert.deepEqual(doubled, []);
    const n = await stored();
    assert.ok(server.asked.length - n <= 10 * kills.length, `${server.asked.length} asked, ${n} stored`);
    assert.ok(server.asked.length >= n);
  });

  test('what was down all the time was alerted once, and told once', async () => {
    assert.deepEqual(await postgres.query('SELECT service FROM matrix.alerts'), [{ service: 'down' }]);
    assert.equal(pair.lines('notice').length, 1);
  });

  test('one that is frozen loses its part as well, finds that out when it goes on, and blames nobody for it', async () => {
    const [frozen, other]: Color[] = pair.collects('green') ? ['green', 'blue'] : ['blue', 'green'];
    assert.ok(frozen !== undefined && other !== undefined);
    await pair.start(other);
    const slow = (): number => server.asked.filter((one) => one.path === '/slow').length;
    const count = slow();
    await until('a slow check runs', () => slow() > count);
    pair.get(frozen).process.kill('SIGSTOP');
    try {
      await until('the other collects', () => pair.collects(other), 40_000);
      const before = await stored();
      await until('and stores', async () => (await stored()) > before + paths.length, 40_000);
    } finally {
      pair.get(frozen).process.kill('SIGCONT');
    }
    await until('it stands by', () => !pair.collects(frozen));
    await settled(CYCLE_MS);
    const failed = await postgres.query(
      `SELECT DISTINCT s.name FROM matrix.results r JOIN matrix.services s ON s.id = r.service_id WHERE r.verdict = 'fail'`,
    );
    assert.deepEqual(failed, [{ name: 'down' }]);
  });
});
