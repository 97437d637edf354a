/** Lost if this fails: commits that come late, twice or not at all leave the boards with something untrue. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Feed } from '../../src/front/feed.js';
import { Truth } from '../../src/front/truth.js';
import { createLogger } from '../../src/log/logger.js';
import { until } from '../support/wait.js';
import { alert, changes, check, cycle, MemoryStore } from './support.js';

const log = createLogger({ service: 'test', level: 'error', format: 'json' });
const opened: (Feed | Truth)[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

function setUp() {
  const store = new MemoryStore();
  const deltas: number[] = [];
  const truth = new Truth({ customerId: 'axe', deployColor: null, onDelta: (seq) => deltas.push(seq) });
  const feed = new Feed(truth, store, log);
  opened.push(feed, truth);
  const detail = (name: string) => {
    truth.flush();
    return truth.snapshot.checks.get(name)?.detail;
  };
  const commit = (rev: number, text: string) => {
    const checks = [check('a', { detail: text })];
    store.rev = rev;
    store.checks = checks;
    return changes(rev, { checks });
  };
  return { store, truth, feed, deltas, detail, commit };
}

test('what comes before the first load is applied after it, in order, and only what is newer', async () => {
  const { store, feed, truth, detail, commit } = setUp();
  const [third, second, first] = [commit(3, 'third'), commit(2, 'second'), commit(1, 'first')];
  for (const one of [third, second, first]) feed.offer(one);
  store.rev = 1;
  assert.equal(detail('a'), undefined);
  await feed.load(false);
  assert.equal(detail('a'), 'third');
  assert.equal(truth.snapshot.rev, 3);
});

test('a commit that overtakes another waits for it', async () => {
  const { feed, truth, detail, commit } = setUp();
  await feed.load(false);
  const [first, second] = [commit(1, 'first'), commit(2, 'second')];
  feed.offer(second);
  assert.equal(detail('a'), undefined);
  feed.offer(first);
  assert.equal(detail('a'), 'second');
  assert.equal(truth.snapshot.rev, 2);
});

test('a commit that never comes is read from the store', async () => {
  const { store, feed, truth, commit } = setUp();
  await feed.load(false);
  commit(1, 'lost');
  store.alerts = [alert('a')];
  feed.offer(changes(2, { cycle: cycle(9) }));
  store.rev = 2;
  await until('the commit from the store', () => {
    truth.flush();
    return truth.snapshot.checks.get('a')?.detail === 'lost' && truth.snapshot.alerts.length === 1;
  });
  assert.equal(truth.snapshot.rev, 2);
});

test('a store that fails while it is asked is asked again', async () => {
  const { store, feed, detail, commit } = setUp();
  await feed.load(false);
  store.broken = new Error('gone');
  commit(1, 'far');
  feed.hear(1);
  let failures = 0;
  const changesSince = store.changesSince.bind(store);
  store.changesSince = async () => {
    if (store.broken !== null) failures += 1;
    return changesSince();
  };
  await until('a failure', () => failures > 0);
  store.broken = null;
  await until('the commit', () => detail('a') === 'far');
});

test('results that wait for the database show at once, also before anything was loaded', async () => {
  const { store, feed, truth, detail } = setUp();
  feed.offer(changes(0, { checks: [check('a', { detail: 'live', stored: false })] }));
  assert.equal(detail('a'), 'live');
  store.checks = [check('a', { detail: 'old', checked_at: '2026-01-01T00:00:00.000Z' }), check('b')];
  await feed.load(false);
  assert.equal(detail('a'), 'live');
  assert.equal(truth.snapshot.checks.size, 2);
});

test('another database starts from its own revisions', async () => {
  const { store, feed, truth, commit } = setUp();
  store.rev = 90;
  await feed.load(false);
  commit(3, 'of the other database');
  await feed.load(true);
  assert.equal(truth.snapshot.rev, 3);
  assert.equal(truth.snapshot.checks.get('a')?.detail, 'of the other database');
});
