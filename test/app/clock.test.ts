/** The wall clock steps by an hour, and back into time that was lived through before: nobody notices in the results. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Cycle, Status } from '../../schema/wire.js';
import { type FakeClock, fakeClock } from '../support/faketime.js';
import { forget, startMatrix, type TestMatrix } from '../support/matrix.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';
import { type AskedServer, askedServer, configOf } from './pair-kit.js';

const TARGETS = 30;
const INTERVAL_MS = 2_000;
const HOUR_S = 3_600;
const paths = Array.from({ length: TARGETS }, (_, index) => `target-${index}`);

/** Starts PostgreSQL by this clock: what is spawned meanwhile inherits its environment. */
async function startSteppedPostgres(clock: FakeClock): Promise<TestPostgres> {
  Object.assign(process.env, clock.env);
  try {
    return await startPostgres();
  } finally {
    for (const name of Object.keys(clock.env)) delete process.env[name];
  }
}

for (const whose of ['of Matrix alone', 'of the database too'])
  describe(`a wall clock that steps, ${whose}`, () => {
    let postgres: TestPostgres;
    let clock: FakeClock;
    let server: AskedServer;
    let matrix: TestMatrix;
    let kills = 0;

    const start = async (): Promise<void> => {
      matrix = await startMatrix({
        config: configOf(server.port, paths, `check_interval_s = ${INTERVAL_MS / 1000}`),
        env: { MATRIX_DATABASE_URL: postgres.url, ...clock.env },
        ...(matrix === undefined ? {} : { directory: matrix.directory, port: matrix.port }),
      });
    };
    /** Lets checks go on for so many rounds of all targets. */
    const rounds = (count: number): Promise<unknown> => {
      const asked = server.asked.length;
      return until(`${count} rounds`, () => server.asked.length >= asked + count * TARGETS, 60_000);
    };
    const kill = async (): Promise<void> => {
      kills += 1;
      await matrix.kill();
    };
    /** The newest cycle is of this time, as Matrix sees it. */
    const showsThePresent = (): Promise<Cycle> =>
      until('the newest cycle is shown', async () => {
        const { cycle } = ((await matrix.get('/matrix/api/status'))?.body ?? {}) as Partial<Status>;
        const ageMs = cycle == null ? Number.NaN : clock.now() - Date.parse(cycle.ts);
        return Math.abs(ageMs) < 6 * INTERVAL_MS ? cycle : undefined;
      }) as Promise<Cycle>;
    /** Steps the clock, and looks what is asked after that. */
    const step = async (aheadS: number): Promise<void> => {
      const at = Date.now();
      clock.set(aheadS);
      await rounds(3);
      const times = server.asked.map((one) => one.at).filter((time) => time > at - INTERVAL_MS);
      const inASecond = times.filter((time) => time > at && time <= at + 1_000).length;
      assert.ok(inASecond <= 2 * TARGETS, `${inASecond} checks in the second after the step`);
      const pauseMs = Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? 0)));
      assert.ok(pauseMs <= 3_000, `nobody was asked for ${pauseMs} ms`);
      await showsThePresent();
    };

    before(async () => {
      clock = fakeClock(-HOUR_S);
      postgres = await (whose === 'of Matrix alone' ? startPostgres() : startSteppedPostgres(clock));
      server = await askedServer();
      await start();
      await rounds(6);
    });
    after(async () => {
      await matrix.kill();
      await server.close();
      await postgres.close();
      clock.close();
      forget(matrix);
    });

    test('forward by an hour, and back into time that it lived through before: checks go on at their rate', async () => {
      await showsThePresent();
      await step(0);
      await step(-HOUR_S - 18);
      assert.equal(matrix.log.filter((line) => line.event === 'clock_step').length, 2);
    });

    test('lateness of an hour is not counted', async () => {
      const response = await fetch(`${matrix.base}/metrics`);
      const text = await response.text();
      const value = (name: string): number =>
        Number(new RegExp(`^matrix_schedule_lag_seconds_${name}[^\\n]* (\\S+)$`, 'm').exec(text)?.[1]);
      assert.ok(value('count') > 10 * TARGETS);
      assert.ok(value('sum') < value('count'), `${value('sum')} s in ${value('count')} checks`);
    });

    test('a process that was killed after a step back goes on in it, and so does one that was away during a step', async () => {
      await kill();
      await start();
      await rounds(2);
      await kill();
      clock.set(-HOUR_S - 28);
      await start();
      await rounds(3);
      await showsThePresent();
    });

    test('every check that was asked for is stored, with times that make sense', async () => {
      assert.equal(await matrix.stop(), 0);
      await start();
      await until('the queue is empty', async () => {
        const rows = await postgres.query(
          `SELECT count(*)::int AS n FROM pgboss.job WHERE name = 'matrix-results' AND state < 'completed'`,
        );
        return rows[0]?.['n'] === 0;
      });
      assert.equal(await matrix.stop(), 0);
      const [row] = await postgres.query(
        `SELECT count(*)::int AS stored, max(duration_ms) AS longest, min(duration_ms) AS shortest,
         max(abs(extract(epoch FROM started_at - due_at)))::float8 AS apart,
         count(*) FILTER (WHERE verdict <> 'pass')::int AS bad FROM matrix.results`,
      );
      const { stored, longest, shortest, apart, bad } = row as Record<string, number>;
      const missing = server.asked.length - Number(stored);
      assert.ok(missing >= 0 && missing <= 15 * kills, `${missing} of ${server.asked.length} are not stored`);
      assert.equal(bad, 0);
      assert.ok(Number(shortest) >= 0 && Number(longest) < 10_000);
      assert.ok(Number(apart) <= 10, `a check began ${apart} s from its instant`);
      const [cycles] = await postgres.query('SELECT max(duration_ms) AS longest FROM matrix.cycles');
      assert.ok(Number(cycles?.['longest']) < 10_000 + INTERVAL_MS, `a cycle took ${cycles?.['longest']} ms`);
      const [uptime] = await postgres.query(
        'SELECT sum(fail)::int AS fail, sum(pass)::int AS pass FROM matrix.uptime_hourly',
      );
      assert.deepEqual(uptime, { fail: 0, pass: stored });
    });
  });
