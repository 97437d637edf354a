/** Lost if this fails: a standby that holds the collector's lock and watches nothing. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { COLLECTOR_LOCK, Lead } from '../../src/app/lead.js';
import type { Logger } from '../../src/log/logger.js';
import { createClient } from '../../src/store/pool.js';
import { memoryLog } from '../support/log.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';

let postgres: TestPostgres;
before(async () => {
  postgres = await startPostgres();
});
after(() => postgres.close());

test('who gets the lock collects, also when its own schema is not ready', async () => {
  const other = createClient(postgres.url, { name: 'other' });
  await other.connect();
  await other.query('SELECT pg_advisory_lock($1)', [COLLECTOR_LOCK]);
  const seen: string[] = [];
  const lead = new Lead({
    log: memoryLog() as unknown as Logger,
    loadTargets: async () => undefined,
    onLead: () => void seen.push('leads'),
    onFollow: () => void seen.push('follows'),
  });
  lead.start();
  lead.connect(postgres.url);
  await until('it stands by', () => seen.includes('follows'));
  await other.end();
  await until('it leads', () => seen.at(-1) === 'leads');
  assert.deepEqual(seen, ['follows', 'leads']);
  await lead.close(null);
});
