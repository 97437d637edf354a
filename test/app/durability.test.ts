import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Status } from '../../schema/wire.js';
import { type CountedServer, countedServer } from '../support/counted-server.js';
import { forget, startMatrix, type TestMatrix } from '../support/matrix.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';

const TARGETS = 40;
const names = Array.from({ length: TARGETS }, (_, index) => `target-${index}`);

const config = (port: number): string =>
  `[matrix]\ncheck_interval_s = 5\ndiscover = false\n${names
    .map((name) => `[[http]]\nname = "${name}"\nurl = "http://127.0.0.1:${port}/${name}"\ninterval_s = 1\n`)
    .join('')}`;

describe('what was stored stays, once, whatever is killed', () => {
  let postgres: TestPostgres;
  let server: CountedServer;
  let matrix: TestMatrix;

  const start = async (previous?: TestMatrix): Promise<TestMatrix> =>
    startMatrix({
      config: config(server.port),
      env: { MATRIX_DATABASE_URL: postgres.url },
      ...(previous === undefined ? {} : { directory: previous.directory, port: previous.port }),
    });
  const storedRows = async (): Promise<string[]> =>
    (
      await postgres.query(
        `SELECT s.name || ' ' || extract(epoch FROM r.due_at)::text AS key FROM matrix.results r JOIN matrix.services s ON s.id = r.service_id`,
      )
    ).map((row) => String(row['key']));
  const stored = async (): Promise<number> => (await storedRows()).length;
  const storedMoreThan = (count: number) =>
    until(`more than ${count} rows`, async () => (await stored()) > count, 30_000);

  before(async () => {
    postgres = await startPostgres();
    server = await countedServer();
    matrix = await start();
    await until(
      'the schema',
      async () => (await postgres.query(`SELECT to_regclass('matrix.results') AS t`))[0]?.['t'] !== null,
    );
    await storedMoreThan(TARGETS);
  });
  after(async () => {
    await matrix.kill();
    await server.close();
    await postgres.close();
    forget(matrix);
  });

  test('kill -9 of the whole process, again and again: nothing stored is lost, nothing is stored twice', async () => {
    for (let round = 0; round < 4; round += 1) {
      const before = await storedRows();
      await storedMoreThan(before.length + TARGETS * 1.5);
      // Somewhere within a second's work, another place each round.
      await new Promise((resolve) => setTimeout(resolve, round * 230));
      await matrix.kill();
      const atKill = await storedRows();
      matrix = await start(matrix);
      const now = new Set(await storedRows());
      assert.equal(atKill.filter((key) => !now.has(key)).length, 0);
    }
    // Asked but not stored: only what was in flight when it was killed, less than two rounds of all targets a kill.
    const rows = await stored();
    assert.ok(server.asked.length - rows <= 4 * 2 * TARGETS, `${server.asked.length} asked, ${rows} stored`);
    const [{ n }] = (await postgres.query(
      'SELECT sum(pass + warn + fail + unknown)::int AS n FROM matrix.uptime_hourly',
    )) as [{ n: number }];
    const [{ m }] = (await postgres.query('SELECT count(*)::int AS m FROM matrix.results')) as [
      { m: number },
    ];
    assert.ok(Math.abs(n - m) <= TARGETS, `counted ${n}, stored ${m}`);
  });

  test('PostgreSQL killed and started again: checks go on, readiness says why, every result arrives once', async () => {
    /** Asked but not stored, once nothing is under way: what `kill -9` cost earlier. */
    const deficit = async (): Promise<number> => {
      assert.equal(await matrix.stop(), 0);
      matrix = await start(matrix);
      await until('the queue and the spool are empty', async () => {
        const rows = await postgres.query(
          `SELECT count(*)::int AS n FROM pgboss.job WHERE name = 'matrix-results' AND state < 'completed'`,
        );
        return rows[0]?.['n'] === 0 && readdirSync(join(matrix.directory, 'data', 'spool')).length === 0;
      });
      assert.equal(await matrix.stop(), 0);
      return server.asked.length - (await stored());
    };
    const before = await deficit();
    matrix = await start(matrix);
    await storedMoreThan((await stored()) + TARGETS);

    await postgres.kill();
    const asked = server.asked.length;
    await until('readiness says 503', async () => (await matrix.get('/health/ready'))?.status === 503);
    assert.equal((await matrix.get('/health'))?.status, 200);
    await until('checks go on', () => server.asked.length > asked + TARGETS * 3, 30_000);
    server.answer = 500;
    await until('a failure is shown, although it cannot be stored', async () => {
      const status = (await matrix.get('/matrix/api/status'))?.body as Status | undefined;
      return status?.checks.some((check) => check.status === 'fail' && !check.stored);
    });
    server.answer = 200;
    await postgres.start();
    await until('readiness is back', async () => (await matrix.get('/health/ready'))?.status === 200, 30_000);
    assert.equal(await deficit(), before);
  });
});
