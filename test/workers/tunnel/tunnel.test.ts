import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { probe } from '../../../workers/tunnel/probe.js';
import { spec, type TunnelTarget } from '../../../workers/tunnel/spec.js';
import { makeCertificate } from '../../support/certificates.js';
import { checkOnce, probeContext, targetOf } from '../../support/probing.js';
import * as servers from '../../support/servers.js';

const tunnel = { spec, probe };
const check = (path: string) => checkOnce(tunnel, { url: `${server.origin}${path}` });

let requests = 0;
let server: servers.TestServer;

before(async () => {
  server = await servers.httpServer((request, response) => {
    requests += 1;
    const url = new URL(request.url ?? '/', 'http://test');
    response.statusCode = Number(url.searchParams.get('status') ?? 200);
    if (response.statusCode >= 301 && response.statusCode <= 303)
      response.setHeader('location', '/?status=500');
    if (url.searchParams.has('hang')) response.write('error code: 10');
    else response.end(url.searchParams.get('body') ?? '');
  });
});
after(() => server.close());
beforeEach(() => {
  requests = 0;
});

test('200, 301 and 302 pass; a redirect, as to a login page, is not followed', async () => {
  for (const status of [200, 301, 302]) {
    const finding = await check(`/?status=${status}`);
    assert.equal(finding.verdict, 'pass');
    assert.equal(finding.code, undefined);
    assert.equal(finding.facts?.['http_status'], status);
  }
  assert.equal(requests, 3);
});

test('any other response warns: the hostname is reachable, what is behind it may not be', async () => {
  for (const status of [201, 204, 303, 307, 401, 403, 404, 500, 502, 521, 530]) {
    const finding = await check(`/?status=${status}`);
    assert.deepEqual([finding.verdict, finding.code], ['warn', 'unexpected_status'], String(status));
    assert.match(finding.detail, new RegExp(`status ${status}, expected 200, 301 or 302$`));
  }
});

test("Cloudflare's error 1033 says what is wrong: the tunnel's origin is not connected", async () => {
  const finding = await check('/?status=530&body=error%20code:%201033');
  assert.deepEqual([finding.verdict, finding.code], ['warn', 'origin_disconnected']);
  assert.match(finding.detail, /the tunnel's origin is not connected; is cloudflared running\?$/);
  const other = await check('/?status=530&body=error%20code:%201016');
  assert.equal(other.code, 'unexpected_status');
  assert.match(other.detail, /\(Cloudflare error 1016\)$/);
});

test('a response whose body hangs is still a response', async () => {
  const quick = await check('/?status=200&hang');
  assert.equal(quick.verdict, 'pass');
  const finding = await checkOnce(tunnel, { url: `${server.origin}/?status=530&hang` }, probeContext(150));
  assert.deepEqual([finding.verdict, finding.code], ['warn', 'unexpected_status']);
  await server.drained();
});

test('unreachable fails: refused, reset, silent, or with a certificate that browsers refuse', async () => {
  const refused = await checkOnce(tunnel, { url: `http://127.0.0.1:${await servers.closedPort()}/` });
  assert.deepEqual([refused.verdict, refused.code], ['fail', 'connect_refused']);

  const resetting = await servers.resettingServer();
  assert.equal((await checkOnce(tunnel, { url: resetting.origin })).code, 'connect_reset');
  await resetting.close();

  const silent = await servers.silentServer();
  const timeout = await checkOnce(tunnel, { url: silent.origin }, probeContext(150));
  assert.deepEqual([timeout.verdict, timeout.code], ['fail', 'timeout']);
  await silent.close();

  const secure = await servers.httpsServer(makeCertificate(), (_request, response) => response.end());
  const untrusted = await checkOnce(tunnel, { url: secure.origin });
  assert.deepEqual([untrusted.verdict, untrusted.code], ['fail', 'tls_self_signed']);
  await secure.close();
});

test('a target names one hostname or one url', () => {
  const problem = (fields: Partial<TunnelTarget>) => spec.check?.(targetOf(spec, fields));
  assert.equal(problem({ hostname: 'app.example.org' }), undefined);
  assert.equal(problem({ url: 'https://app.example.org:8443/login' }), undefined);
  assert.match(problem({}) ?? '', /^hostname: give either hostname or url/);
  assert.match(problem({ hostname: 'a.example', url: 'https://a.example/' }) ?? '', /^hostname: give either/);
  for (const hostname of [
    'https://a.example',
    'a.example/path',
    'a.example:8443',
    'me:secret@a.example',
    'a b',
  ]) {
    assert.match(problem({ hostname }) ?? '', /^hostname: must be a bare hostname/, hostname);
  }
  assert.match(problem({ url: 'ftp://a.example/' }) ?? '', /^url: must be a URL/);
  assert.match(problem({ url: 'https://me:secret@a.example/' }) ?? '', /^url: must not contain a user name/);
});

test('a tunnel is beyond the uplink, unless its url is a local one', () => {
  assert.equal(spec.overUplink?.(targetOf(spec, { hostname: 'app.example.org' })), true);
  assert.equal(spec.overUplink?.(targetOf(spec, { url: 'http://127.0.0.1:8080/' })), false);
});
