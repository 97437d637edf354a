/** Two on one data directory would delete each other's spool and stop each other's database. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { forget, startMatrix, type TestMatrix } from '../support/matrix.js';

const config = '[matrix]\ndiscover = false\n';
let first: TestMatrix;
before(async () => {
  first = await startMatrix({ config });
});
after(async () => {
  await first.stop();
  forget(first);
});

test('a second Matrix on the same data is refused by name, and the first goes on', async () => {
  await assert.rejects(startMatrix({ config, directory: first.directory }), /ended with 1/);
  assert.equal((await first.get('/health'))?.status, 200);
  assert.equal(
    first.log.some((line) => line.event === 'child_exited'),
    false,
  );
});

test('a killed one leaves no lock behind', async () => {
  await first.kill();
  first = await startMatrix({ config, directory: first.directory });
  assert.equal((await first.get('/health'))?.status, 200);
});
