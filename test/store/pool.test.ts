/** Lost if this fails: a process that is frozen, or a host that vanished, keeps everybody else from storing. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createPool } from '../../src/store/pool.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

let postgres: TestPostgres;
before(async () => {
  postgres = await startPostgres();
});
after(() => postgres.close());

test('a session that stops in the middle of a transaction is ended by the server, and its locks with it', async () => {
  const pool = createPool(postgres.url, { name: 'frozen', max: 1 });
  await postgres.query('CREATE TABLE held (n int)');
  const client = await pool.connect();
  // Nobody hears it: a frozen process would not either.
  client.on('error', () => undefined);
  await client.query('BEGIN; LOCK TABLE held');
  const begun = performance.now();
  await postgres.query(`SET lock_timeout = '60s'; INSERT INTO held VALUES (1)`);
  assert.ok(performance.now() - begun > 1_000, 'the lock was held');
  client.release(true);
  await pool.end();
});
