/**
 * Lost if this fails: the trust that nothing is lost, doubled or wrongly called down, whatever breaks. A short run of
 * what `npm run chaos` does at length: under load, one fault of each kind.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chaos } from './main.js';

const FAULTS = [
  'thread_crash',
  'main_pause',
  'front_kill',
  'kill_9',
  'db_freeze',
  'spool_disk_full',
  'net_internet',
  'clock_back',
];
test('a thousand targets at 1 s, blue and green, everything breaks once: nothing is wrong afterwards', async () => {
  const only = FAULTS.flatMap((fault) => ['--only', fault]);
  assert.equal(await chaos(['--targets', '1000', '--once', '--seed', '7', ...only]), 0);
});
