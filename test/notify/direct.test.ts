/** What Matrix says while the queue of notices is out of reach: it would be lost, or said twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../src/contract/limits.js';
import { DirectDelivery } from '../../src/notify/direct.js';
import type { Notice } from '../../src/writer/plan.js';
import { memoryLog } from '../support/log.js';
import { until } from '../support/wait.js';

const notice = (service: string): Notice => ({
  kind: 'outage',
  service,
  severity: 'critical',
  message: 'is away',
  at: 1_000,
  outageSince: 1_000,
});

/** A delivery whose channel refuses while `refusals` are left; what it took and what was confirmed. */
function delivering(refusals = 0) {
  const state = { refusals, attempts: 0 };
  const taken: string[] = [];
  const confirmed: string[] = [];
  const log = memoryLog();
  const direct = new DirectDelivery({
    channel: async ({ service }) => {
      state.attempts += 1;
      if (state.refusals > 0) {
        state.refusals -= 1;
        throw new Error('the channel is down');
      }
      taken.push(service);
    },
    onDelivered: (id) => void confirmed.push(id),
    log,
    pauseMs: 1,
  });
  return { direct, taken, confirmed, log, state };
}

test('a notice is delivered once, however often it is told, and confirmed', async () => {
  const { direct, taken, confirmed } = delivering(1);
  direct.add({ id: '1', notice: notice('a') });
  direct.add({ id: '1', notice: notice('a') });
  await until('it is confirmed', () => confirmed.length === 1);
  await direct.stop();
  assert.deepEqual([taken, confirmed], [['a'], ['1']]);
});

test('a channel that is down gets it later, and in order', async () => {
  const { direct, taken, log } = delivering(4);
  for (const name of ['a', 'b', 'c']) direct.add({ id: name, notice: notice(name) });
  await until('all are delivered', () => taken.length === 3);
  assert.deepEqual(taken, ['a', 'b', 'c']);
  assert.equal(log.lines.filter((line) => line['event'] === 'notice_refused').length, 4);
  await direct.stop();
});

test('after a quiet time it delivers again', async () => {
  const { direct, taken } = delivering();
  direct.add({ id: '1', notice: notice('a') });
  await until('the first', () => taken.length === 1);
  direct.add({ id: '2', notice: notice('b') });
  await until('the second', () => taken.length === 2);
  await direct.stop();
});

test('more than its limit do not wait: the oldest goes, and it is said', async () => {
  const limit = LIMITS.direct_notices.value;
  const { direct, taken, log, state } = delivering(Number.POSITIVE_INFINITY);
  for (let n = 0; n < limit + 5; n += 1) direct.add({ id: `${n}`, notice: notice(`${n}`) });
  assert.equal(log.lines.filter((line) => line['event'] === 'notice_dropped').length, 5);
  state.refusals = 0;
  await until('the rest is delivered', () => taken.includes(`${limit + 4}`));
  assert.ok(taken.length <= limit + 1);
  assert.ok(!taken.includes('1'));
  await direct.stop();
});

test('one that is told again and again does not push others out', async () => {
  const { direct, taken, log, state } = delivering(Number.POSITIVE_INFINITY);
  direct.add({ id: 'a', notice: notice('a') });
  for (let n = 0; n < 2 * LIMITS.direct_notices.value; n += 1) direct.add({ id: 'b', notice: notice('b') });
  state.refusals = 0;
  await until('both are delivered', () => taken.length === 2);
  assert.deepEqual(taken, ['a', 'b']);
  assert.ok(!log.lines.some((line) => line['event'] === 'notice_dropped'));
  await direct.stop();
});

test('it stops while a channel refuses', async () => {
  const { direct, state } = delivering(Number.POSITIVE_INFINITY);
  direct.add({ id: '1', notice: notice('a') });
  await until('it tries', () => state.attempts > 2);
  await direct.stop();
  const { attempts } = state;
  direct.add({ id: '2', notice: notice('b') });
  assert.equal(state.attempts, attempts);
});
