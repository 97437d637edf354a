/** What a load balancer and a person at night are told of Matrix itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Health, NOT_REPORTED, type Reported } from '../../src/front/health.js';

const results = {
  since: '2026-01-02T03:04:05.000Z',
  inMemory: 3,
  onSpool: 40,
  spoolBytes: 5_000,
  spoolMaxBytes: 1_000_000,
  dropped: 7,
};

function health(reported: Reported, down: { reason: string; since: number } | null = null, draining = false) {
  const parts = {
    version: '1',
    databaseDown: () => down,
    reported: () => reported,
    draining: () => draining,
  };
  const of = new Health(parts);
  const read = (reply: { status: number; body?: unknown }) => ({
    status: reply.status,
    body: JSON.parse(String(reply.body)) as Record<string, unknown>,
  });
  return { live: () => read(of.live()), ready: () => read(of.ready('request')) };
}
const now = (): number => performance.now();

test('a database that answers and takes nothing is no ready Matrix: the reason, and since when', () => {
  const queue = 'cannot execute INSERT in a read-only transaction';
  const { live, ready } = health({ dependencies: { queue, writer: null }, results, atMs: now() });
  const { status, body } = ready();
  assert.equal(status, 503);
  assert.match(String(body['reason']), /read-only/);
  assert.equal(body['since'], results.since);
  assert.match(JSON.stringify(body), /MX_NOT_READY/);
  assert.equal(live().status, 200);
  assert.deepEqual(live().body['results'], {
    waiting_in_memory: 3,
    waiting_on_spool: 40,
    spool_bytes: 5_000,
    spool_max_bytes: 1_000_000,
    dropped: 7,
  });
});

test('a database that does not answer goes first', () => {
  const since = Date.UTC(2026, 0, 2);
  const { ready } = health(
    { dependencies: { queue: 'timeout' }, results, atMs: now() },
    { reason: 'connection refused', since },
  );
  assert.deepEqual(
    [ready().status, ready().body['reason'], ready().body['since']],
    [503, 'connection refused', new Date(since).toISOString()],
  );
});

test('a main thread that stands still is named, and only then', () => {
  const dependencies = { queue: null, writer: null };
  const silent = health({ dependencies, results, atMs: now() - 3_100 }).live().body;
  assert.equal((silent['dependencies'] as Record<string, string>)['supervisor'], 'has not reported for 3 s');
  assert.equal(silent['status'], 'unhealthy');
  const well = health({ dependencies, results, atMs: now() - 900 }).live().body;
  assert.equal((well['dependencies'] as Record<string, string>)['supervisor'], undefined);
  assert.equal(well['status'], 'healthy');
});

test('a main thread that stood still for long is not ready, whatever it last said', () => {
  const dependencies = { queue: null, writer: null };
  const { status, body } = health({ dependencies, results, atMs: now() - 7_100 }).ready();
  assert.equal(status, 503, 'a selector would go on sending to it');
  assert.equal(body['reason'], 'the supervisor has not reported for 7 s');
  const silentMs = Date.now() - Date.parse(String(body['since']));
  assert.ok(silentMs > 7_000 && silentMs < 60_000, String(body['since']));
  assert.equal(health({ dependencies, results, atMs: now() - 3_100 }).ready().status, 200);
  const stale = { dependencies: { queue: 'full' }, results, atMs: now() - 7_100 };
  assert.match(String(health(stale).ready().body['reason']), /supervisor/, 'what it said then is old');
});

test('all well is ready; before the first word of main only the database counts; stopping is said', () => {
  assert.equal(health({ dependencies: { queue: null }, results: null, atMs: now() }).ready().status, 200);
  assert.equal(health(NOT_REPORTED).ready().status, 200);
  const stopping = health(NOT_REPORTED, null, true).ready();
  assert.deepEqual(
    [stopping.status, stopping.body['reason'], stopping.body['since']],
    [503, 'stopping', null],
  );
});
