import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { probe } from '../../../workers/http/probe.js';
import { type HttpTarget, spec } from '../../../workers/http/spec.js';
import { checkOnce } from '../../support/probing.js';
import { httpServer, type TestServer } from '../../support/servers.js';

const http = { spec, probe };
const check = (path: string, fields: Partial<HttpTarget> = {}) =>
  checkOnce(http, { url: `${server.origin}${path}`, ...fields });

/** What the last request carried. */
let seen: { method: string; headers: NodeJS.Dict<string | string[]>; url: string };
let server: TestServer;

before(async () => {
  server = await httpServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://test');
    seen = { method: request.method ?? '', headers: request.headers, url: request.url ?? '' };
    response.statusCode = Number(url.searchParams.get('status') ?? 200);
    if (url.pathname === '/big') response.end('x'.repeat(70_000));
    else if (url.pathname === '/hints') {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' });
      response.writeProcessing();
      response.end('after hints');
    } else if (response.statusCode === 204) response.end();
    else response.end('all systems go');
  });
});
after(() => server.close());

test('a healthy endpoint passes, and its response time is measured', async () => {
  const finding = await check('/health');
  assert.equal(finding.verdict, 'pass');
  assert.equal(finding.code, undefined);
  assert.match(finding.detail, /^status 200 in \d+ ms$/);
  assert.deepEqual(finding.facts, { http_status: 200 });
  const [time] = finding.measurements ?? [];
  assert.equal(time?.name, 'response_time');
  assert.equal(time?.unit, 'ms');
  assert.ok(time !== undefined && time.value > 0);
});

test('an error status fails, and the sentence says what was expected and what came', async () => {
  const finding = await check('/?status=500');
  assert.deepEqual([finding.verdict, finding.code], ['fail', 'http_status']);
  assert.equal(finding.detail, 'status 500, expected 2xx');
  assert.equal(finding.facts?.['http_status'], 500);
});

test('expected statuses may be single, classes and ranges', async () => {
  const expect_status = [404, '2xx', '500-503'];
  for (const status of [200, 299, 404, 500, 503]) {
    assert.equal((await check(`/?status=${status}`, { expect_status })).verdict, 'pass', String(status));
  }
  for (const status of [400, 403, 405, 499, 504]) {
    const finding = await check(`/?status=${status}`, { expect_status });
    assert.equal(finding.detail, `status ${status}, expected 404 or 2xx or 500-503`);
  }
});

test('an alive_only endpoint passes on any HTTP response', async () => {
  for (const status of [200, 301, 404, 500, 599]) {
    assert.equal((await check(`/?status=${status}`, { alive_only: true })).verdict, 'pass', String(status));
  }
});

test('responses without a body end a check at once', async () => {
  assert.equal((await check('/?status=204')).verdict, 'pass');
  assert.equal((await check('/', { method: 'HEAD' })).verdict, 'pass');
  assert.equal(seen.method, 'HEAD');
  assert.equal((await check('/?status=304', { expect_status: [304] })).verdict, 'pass');
});

test('informational responses before the real one are passed over', async () => {
  assert.equal((await check('/hints', { expect_body: 'after hints' })).verdict, 'pass');
});

test('an expected text in the body is looked for, in its first 64 kB', async () => {
  assert.equal((await check('/', { expect_body: 'systems go' })).verdict, 'pass');
  const absent = await check('/', { expect_body: 'systems "stop"' });
  assert.deepEqual([absent.verdict, absent.code], ['fail', 'body_mismatch']);
  assert.equal(absent.detail, 'status 200, but the body does not contain "systems \\"stop\\""');
  const cut = await check('/big', { expect_body: 'y' });
  assert.equal(cut.detail, 'status 200, but the first 64 kB of the body do not contain "y"');
  assert.equal((await check('/big', { expect_body: 'xx' })).verdict, 'pass');
});

test('method, path, query and configured headers reach the target', async () => {
  await check('/a%20b?c=d&e', {
    method: 'POST',
    headers: { 'X-Token': 'secret', 'User-Agent': 'mine', Host: 'shop.example' },
  });
  assert.equal(seen.method, 'POST');
  assert.equal(seen.url, '/a%20b?c=d&e');
  assert.equal(seen.headers['x-token'], 'secret');
  assert.equal(seen.headers['user-agent'], 'mine');
  assert.equal(seen.headers['host'], 'shop.example');
  assert.equal(seen.headers['content-length'], '0');
  await check('/');
  assert.equal(seen.headers['user-agent'], 'matrix-monitor');
});

test('credentials in the URL are sent, and shown nowhere', async () => {
  const url = `http://us%65r:p%40ss@127.0.0.1:${server.port}/?status=500`;
  const finding = await checkOnce(http, { url });
  assert.equal(seen.headers['authorization'], `Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  assert.doesNotMatch(JSON.stringify(finding), /us%65r|user|p%40ss|p@ss/);
});

test('every check makes a connection of its own, so a full or dead listener is noticed', async () => {
  const already = server.connections();
  await check('/');
  await check('/?status=500');
  await check('/', { alive_only: true });
  await check('/big');
  await server.drained();
  assert.equal(server.connections(), already + 4);
});

test('an endpoint on IPv6 can be checked', async (t) => {
  const six = await httpServer((_request, response) => response.end(), '::1').catch((error: Error) => error);
  if (six instanceof Error) return t.skip(`no IPv6 loopback here: ${six.message}`);
  t.after(() => six.close());
  assert.equal((await checkOnce(http, { url: six.origin })).verdict, 'pass');
});
