/** Lost if this fails: a target that takes the memory of the thread which watches it, and all others of its family. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { BoundedMap } from '../../src/contract/bounded-map.js';
import { systemClock } from '../../src/contract/clock.js';
import { LIMITS } from '../../src/contract/limits.js';
import { known } from '../../workers/disk/statfs.js';
import { judge } from '../../workers/docker/verdict.js';
import { mayCloseOrdinarily } from '../../workers/shared/http-connection.js';
import { exchange } from '../../workers/shared/http-exchange.js';

async function asked(t: TestContext, listener: RequestListener) {
  const server = createServer({ maxHeaderSize: 64 * 1024 }, listener);
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const request = {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    method: 'GET',
    headers: {},
    verifyTls: true,
    startedAt: systemClock.monotonic(),
    bodyUse: () => 'keep' as const,
  };
  const log = { debug: () => {}, info: () => {}, warn: () => {} };
  const signal = AbortSignal.timeout(20_000);
  return exchange(request, { signal, deadlineMs: 20_000, clock: systemClock, log });
}

test('probe_body: a body is read so far and no further', async (t) => {
  const { value: most } = LIMITS.probe_body;
  const whole = await asked(t, (_request, response) => response.end('x'.repeat(most)));
  assert.ok(whole.kind === 'answer' && whole.answer.body.length === most && !whole.answer.bodyCut);
  const endless = await asked(t, (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(10_000))) {}
    };
    response.on('drain', more);
    more();
  });
  assert.ok(endless.kind === 'answer' && endless.answer.body.length === most && endless.answer.bodyCut);
});

test('probe_headers: a header that is longer fails the check', async (t) => {
  const answer = (bytes: number) =>
    asked(t, (_request, response) => {
      response.setHeader('x-padding', 'x'.repeat(bytes));
      response.end('fine');
    });
  assert.equal((await answer(LIMITS.probe_headers.value - 1_000)).kind, 'answer');
  assert.equal((await answer(LIMITS.probe_headers.value + 1_000)).kind, 'failure');
});

test('ordinary_closes and counted_peers: counting connections keeps no address for ever', () => {
  const { ordinary_closes: closes, counted_peers: peers } = LIMITS;
  for (let count = 1; count <= closes.value; count += 1) assert.ok(mayCloseOrdinarily('busy'));
  assert.ok(!mayCloseOrdinarily('busy'));
  for (let count = 0; count < peers.value; count += 1) mayCloseOrdinarily(`peer ${count}`);
  assert.ok(mayCloseOrdinarily('busy'), 'the counts of before are still kept');
});

test('known_paths: what was learned first is forgotten', () => {
  const { value: most } = LIMITS.known_paths;
  assert.ok(known instanceof BoundedMap);
  const counts = { type: 1, bsize: 1, blocks: 1, bfree: 1, bavail: 1, files: 1, ffree: 1 };
  for (let count = 0; count <= most; count += 1) known.set(`/${count}`, { counts, mount: null });
  assert.equal(known.size, most);
  assert.deepEqual([known.has('/0'), known.has('/1'), known.has(`/${most}`)], [false, true, true]);
  known.set('/1', { counts, mount: null });
  assert.equal(known.size, most, 'one that is there takes no place of another');
  known.clear();
});

test('health_line_chars: a healthcheck that prints a book is quoted with a line of it', () => {
  const container = { id: '1', name: 'web', image: 'web', state: 'running', health: 'unhealthy' } as const;
  const { detail } = judge('engine', container, { line: 'word '.repeat(10_000), exitCode: 1 });
  assert.ok(detail.length < LIMITS.health_line_chars.value + 100);
  assert.match(detail, /…/);
});
