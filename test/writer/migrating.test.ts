/** A new release that changes a large table would never get through: cut off at the limit of a batch, again and again. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Writer } from '../../src/writer/writer.js';
import { memoryLog } from '../support/log.js';
import { startPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';
import { sqlDirectory } from './writer-kit.js';

test('a migration may take as long as it needs, a batch may not', async (t) => {
  const postgres = await startPostgres();
  const copy = mkdtempSync(join(tmpdir(), 'mx-sql-'));
  cpSync(sqlDirectory, copy, { recursive: true });
  writeFileSync(
    join(copy, '999_limits.sql'),
    `BEGIN;\nCREATE TABLE matrix.limits AS SELECT current_setting('statement_timeout') AS migration;\nCOMMIT;\n`,
  );
  let isReady = false;
  const writer = new Writer({
    url: postgres.url,
    sqlDirectory: copy,
    customerId: 'axe',
    node: 'test',
    cycleMs: 30_000,
    log: memoryLog(),
    onReady: () => {
      isReady = true;
    },
    onChanges: () => undefined,
    onStats: () => undefined,
  });
  const ended = writer.run();
  t.after(async () => {
    writer.stop();
    await ended;
    await postgres.close();
    rmSync(copy, { recursive: true, force: true });
  });
  await until('the schema is there', () => isReady);
  assert.deepEqual(await postgres.query('SELECT migration FROM matrix.limits'), [{ migration: '0' }]);
  const sessions = await postgres.query(
    `SELECT application_name AS name FROM pg_stat_activity WHERE application_name LIKE 'matrix %' ORDER BY 1`,
  );
  assert.ok(!sessions.some((row) => row['name'] === 'matrix migration'), 'its session is gone afterwards');
});
