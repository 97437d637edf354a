import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { probe } from '../../../workers/http/probe.js';
import { type HttpTarget, spec } from '../../../workers/http/spec.js';
import { checkOnce } from '../../support/probing.js';
import { httpServer, type TestServer } from '../../support/servers.js';

const check = (path: string, fields: Partial<HttpTarget> = {}) =>
  checkOnce({ spec, probe }, { url: `${server.origin}${path}`, ...fields });

let server: TestServer;
let elsewhere: TestServer;
let requests: { method: string; url: string; token: unknown; authorization: unknown }[] = [];

before(async () => {
  elsewhere = await httpServer((request, response) => {
    const { authorization, 'x-token': token } = request.headers;
    requests.push({ method: request.method ?? '', url: request.url ?? '', token, authorization });
    response.end();
  });
  server = await httpServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://test');
    const { authorization, 'x-token': token } = request.headers;
    requests.push({ method: request.method ?? '', url: request.url ?? '', token, authorization });
    const hops = Number(url.searchParams.get('hops') ?? 0);
    const to = url.searchParams.get('to');
    if (hops > 0) response.writeHead(302, { location: `/?hops=${hops - 1}` });
    else if (url.pathname === '/loop') response.writeHead(301, { location: '/loop' });
    else if (to !== null) response.writeHead(Number(url.searchParams.get('status') ?? 302), { location: to });
    else if (url.pathname === '/nowhere') response.writeHead(302);
    response.end();
  });
});
after(async () => {
  await server.close();
  await elsewhere.close();
});
beforeEach(() => {
  requests = [];
});

test('a redirect is followed, as a browser would, and the place it ended at is a fact', async () => {
  const finding = await check('/?hops=2');
  assert.equal(finding.verdict, 'pass');
  assert.match(finding.detail, /^status 200 in \d+ ms after 2 redirects$/);
  assert.equal(finding.facts?.['final_url'], `${server.origin}/`);
});

test('a redirect whose status is expected passes by itself', async () => {
  const finding = await check('/?hops=1', { expect_status: ['301-303'] });
  assert.equal(finding.verdict, 'pass');
  assert.equal(requests.length, 1);
});

test('with follow_redirects = 0 a redirect is the answer', async () => {
  const finding = await check('/?hops=1', { follow_redirects: 0 });
  assert.deepEqual([finding.verdict, finding.code], ['fail', 'http_status']);
  assert.equal(finding.detail, `status 302, a redirect to ${server.origin}/, expected 2xx`);
});

test('a redirect loop ends, and is called what it is', async () => {
  const finding = await check('/loop');
  assert.deepEqual([finding.verdict, finding.code], ['fail', 'too_many_redirects']);
  assert.equal(
    finding.detail,
    `more than 5 redirects (follow_redirects), the next one to ${server.origin}/loop`,
  );
  assert.equal(requests.length, 6);
});

test('as many redirects as allowed are followed, one more is not', async () => {
  assert.equal((await check('/?hops=3', { follow_redirects: 3 })).verdict, 'pass');
  assert.equal((await check('/?hops=4', { follow_redirects: 3 })).code, 'too_many_redirects');
});

test('a redirect to something that is no http URL fails, and nothing is fetched from there', async () => {
  for (const to of ['ftp://127.0.0.1/x', 'file:///etc/passwd', 'javascript:1', 'http://[broken', 'http://']) {
    const finding = await check(`/?to=${encodeURIComponent(to)}`);
    assert.deepEqual([finding.verdict, finding.code], ['fail', 'bad_redirect'], to);
  }
});

test('a redirect without a location is judged by its status', async () => {
  assert.equal((await check('/nowhere')).detail, 'status 302, expected 2xx');
});

test('secrets do not follow a redirect to another origin, and do within one', async () => {
  const url = `http://me:secret@127.0.0.1:${server.port}`;
  const headers = { 'x-token': 'secret' };
  await checkOnce({ spec, probe }, { url: `${url}/?hops=1`, headers });
  assert.ok(requests.every((request) => request.token === 'secret' && request.authorization !== undefined));
  requests = [];
  const finding = await checkOnce(
    { spec, probe },
    { url: `${url}/?to=${elsewhere.origin}/?code=secret`, headers },
  );
  assert.equal(finding.verdict, 'pass');
  const last = requests.at(-1);
  assert.deepEqual([last?.token, last?.authorization], [undefined, undefined]);
  assert.doesNotMatch(JSON.stringify(finding), /secret/);
});

test('a redirect cannot inject a header or a second request', async () => {
  await check(`/?to=${encodeURIComponent(`${elsewhere.origin}/x y\u00e4`)}`).catch(() => {});
  const finding = await check(`/?to=${encodeURIComponent('/a?b=%0d%0aX-Token:%20evil')}`);
  assert.equal(finding.verdict, 'pass');
  assert.ok(requests.every((request) => request.token === undefined));
});

test('303, and 302 after a POST, go on as GET; 307 keeps the method', async () => {
  for (const [status, method] of [
    [302, 'GET'],
    [303, 'GET'],
    [307, 'POST'],
    [308, 'POST'],
  ] as const) {
    await check(`/?status=${status}&to=/done`, { method: 'POST' });
    assert.equal(requests.at(-1)?.method, method, String(status));
  }
});
