/** An outage that is longer than the spool can bridge: what is lost is known to the last result, and said. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { forget, startMatrix, type TestMatrix } from '../support/matrix.js';
import { startPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';
import { chosenServer, settled } from './outage-kit.js';

const NAMES = Array.from({ length: 250 }, (_, n) => `target-${n}`);

test('asked is stored or counted as dropped; the log, health, the metric and the notice say the same', async (t) => {
  const postgres = await startPostgres();
  const server = await chosenServer();
  // Failures are not routine: a spool full of them gives up the oldest.
  for (const name of NAMES) server.down.add(name);
  const start = (previous?: TestMatrix): Promise<TestMatrix> =>
    startMatrix({
      config: `[matrix]\ncheck_interval_s = 5\ndiscover = false\nspool_mb = 1\n${NAMES.map(
        (name) =>
          `[[http]]\nname = "${name}"\nurl = "http://127.0.0.1:${server.port}/${name}"\ninterval_s = 1\n`,
      ).join('')}`,
      env: { MATRIX_DATABASE_URL: postgres.url },
      ...(previous === undefined ? {} : { directory: previous.directory, port: previous.port }),
    });
  let matrix = await start();
  t.after(async () => {
    await matrix.kill();
    await server.close();
    await postgres.close();
    forget(matrix);
  });
  const results = async () => {
    const body = (await matrix.get('/health'))?.body as
      | { results?: { dropped: number; spool_bytes: number } }
      | undefined;
    return body?.results;
  };
  const ready = async () => (await matrix.get('/health/ready'))?.status;
  await until('it is ready', async () => (await ready()) === 200);
  await until('results are stored', () => server.asked.length > NAMES.length);

  await postgres.kill();
  await until('the spool is too small', async () => ((await results())?.dropped ?? 0) > 1_000, 60_000);
  assert.ok(((await results())?.spool_bytes ?? 0) <= 1024 * 1024);
  assert.ok(matrix.log.some((line) => line.event === 'results_dropped'));
  await postgres.start();
  const end = await until(
    'the end is told',
    () => matrix.log.find((line) => line.event === 'notice' && line['kind'] === 'recovery'),
    60_000,
  );
  const dropped = (await results())?.dropped ?? 0;
  assert.match(end.message, new RegExp(`${dropped} were dropped$`));
  const metrics = await (await fetch(`${matrix.base}/metrics`)).text();
  assert.equal(Number(/^matrix_results_dropped_total\S* (\d+)$/m.exec(metrics)?.[1]), dropped);

  assert.equal(await matrix.stop(), 0);
  const asked = server.asked.length;
  for (const name of NAMES) server.down.delete(name);
  matrix = await start(matrix);
  await until('nothing waits', () => readdirSync(join(matrix.directory, 'data', 'spool')).length === 0);
  assert.equal(await matrix.stop(), 0);
  matrix = await start(matrix);
  await settled(postgres);
  const [row] = await postgres.query(`SELECT count(*)::int AS n FROM matrix.results WHERE verdict = 'fail'`);
  assert.equal(Number(row?.['n']) + dropped, asked);
});
