/** Lost if this fails: a front that grows while it waits for the database, and limits that nobody can look up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MetricSample } from '../../schema/messages.js';
import type { Check } from '../../schema/wire.js';
import { LIMITS } from '../../src/contract/limits.js';
import { Feed } from '../../src/front/feed.js';
import { LimitUse } from '../../src/front/limit-use.js';
import { Metrics } from '../../src/front/metrics.js';
import { Truth } from '../../src/front/truth.js';
import { createLogger } from '../../src/log/logger.js';
import { changes, check, MemoryStore, serve } from '../front/support.js';

const log = createLogger({ service: 'test', level: 'error', format: 'json', write: (bytes) => bytes.length });

function truthAndFeed() {
  const deltas: number[] = [];
  const truth = new Truth({ customerId: 'axe', deployColor: null, onDelta: (seq) => deltas.push(seq) });
  const store = new MemoryStore();
  return { deltas, truth, store, feed: new Feed(truth, store, log) };
}

test('waiting_commits and waiting_checks: what comes before the base is bounded, and nothing is missed', async () => {
  const { truth, store, feed } = truthAndFeed();
  const { waiting_commits: commits, waiting_checks: checks } = LIMITS;
  for (let rev = 1; rev <= commits.value + 50; rev += 1) feed.offer(changes(rev));
  assert.equal(feed.waiting.commits, commits.value);
  const large = Array.from({ length: 30_000 }, () => check('one'));
  const second = truthAndFeed();
  for (let rev = 1; rev <= 10; rev += 1) second.feed.offer(changes(rev, { checks: large }));
  assert.ok(second.feed.waiting.checks <= checks.value);
  assert.equal(second.feed.waiting.commits, Math.floor(checks.value / large.length));

  // The store knows what there was no room for.
  store.rev = 0;
  await feed.load(false);
  store.rev = commits.value + 50;
  store.checks = [check('the last')];
  feed.hear(store.rev);
  while (!truth.snapshot.checks.has('the last')) {
    truth.flush();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.deepEqual(feed.waiting, { commits: 0, checks: 0 });
  for (const one of [feed, second.feed, truth, second.truth]) one.close();
});

test('pending_changes: a burst within one tick becomes visible before it is large', () => {
  const { truth, deltas } = truthAndFeed();
  const { value: most } = LIMITS.pending_changes;
  for (let rev = 1; rev <= 3 * most; rev += 1) {
    truth.offer(changes(rev, { checks: [check('one', { detail: String(rev) })] }));
    assert.ok(truth.pending < most);
  }
  assert.equal(deltas.length, 3);
  assert.equal(truth.snapshot.checks.get('one')?.detail, String(3 * most));
  truth.close();
});

function metricsOf(checks: readonly Check[]): Metrics {
  const limits = new LimitUse(() => ({}));
  return new Metrics('axe', { checks: () => checks, dependencies: () => ({}), webSockets: () => 0, limits });
}

const sample = (index: number): MetricSample => ({
  name: 'matrix_thing',
  help: 'A thing.',
  type: 'gauge',
  labels: { index: String(index) },
  value: 1,
});

test('metric_samples: a part that makes up labels cannot fill the front, and is counted', async () => {
  const { value: most } = LIMITS.metric_samples;
  const metrics = metricsOf([]);
  metrics.take(Array.from({ length: most + 7 }, (_, index) => sample(index)));
  assert.equal(metrics.samples, most);
  assert.match(await metrics.render(), /^matrix_metric_samples_dropped_total\{.*\} 7$/m);
  metrics.take([sample(1)]);
  assert.equal(metrics.samples, 1, 'what is gone leaves series behind');
});

test('metric_services: beyond it services are counted, without series of their own', async () => {
  const { value: most } = LIMITS.metric_services;
  const text = await metricsOf(Array.from({ length: most + 5 }, (_, index) => check(`s${index}`))).render();
  assert.equal(text.match(/^matrix_check_status\{/gm)?.length, most);
  assert.match(text, new RegExp(`^matrix_checks\\{.*status="pass".*\\} ${most + 5}$`, 'm'));
});

test('get_limits tells every limit, with what the front and main say of its use', async (t) => {
  const fixture = await serve((store) => {
    store.checks = [check('one'), check('two')];
  });
  t.after(() => fixture.front.drain());
  const told = (name: string, limit: string, value: number): MetricSample => {
    return { name, help: 'x', type: 'gauge', labels: { limit }, value };
  };
  const samples = [
    told('matrix_limit_used', 'spool', 1234),
    told('matrix_limit', 'spool', 5000),
    told('matrix_limit_used', 'no such limit', 1),
  ];
  fixture.front.take({ kind: 'metrics', samples });
  const { limits } = (await (await fetch(`${fixture.base}/api/limits`)).json()) as {
    limits: { limit: string; value: number; used: number | null; bounds: string; beyond: string }[];
  };
  assert.deepEqual(limits.map(({ limit }) => limit).sort(), Object.keys(LIMITS).sort());
  const row = (name: string) => limits.find(({ limit }) => limit === name);
  assert.deepEqual(
    [row('spool')?.value, row('spool')?.used],
    [5000, 1234],
    'as main says, also if configured',
  );
  assert.equal(row('metric_services')?.used, 2);
  assert.equal(row('request_body')?.used, null);
  for (const { bounds, beyond } of limits) assert.match(`${bounds} ${beyond}`, /^[A-Z].+\. [A-Z].+\.$/);

  const text = await (await fetch(`${fixture.base}/metrics`)).text();
  for (const name of Object.keys(LIMITS)) {
    assert.equal(
      text.match(new RegExp(`^matrix_limit\\{.*limit="${name}".*\\} \\d+`, 'gm'))?.length,
      1,
      name,
    );
  }
  assert.match(text, /^matrix_limit_used\{.*limit="spool".*\} 1234$/m);
  assert.match(text, /^matrix_limit_used\{.*limit="metric_services".*\} 2$/m);
});
