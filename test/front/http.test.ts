/** Lost if this fails: proxies, scanners, browsers and half-broken clients get an answer that is not HTTP, or none. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import type { ErrorBody } from '../../schema/wire.js';
import { raw } from './raw.js';
import { check, cycle, type Fixture, serve } from './support.js';

let fixture: Fixture;
before(async () => {
  fixture = await serve((store) => {
    store.checks = [check('web')];
    store.cycle = cycle(1);
  });
});
after(() => fixture.front.drain());

const get = (path: string, headers: Record<string, string> = {}) => fetch(fixture.base + path, { headers });
const refusal = async (answer: Response) => {
  const { error } = (await answer.json()) as ErrorBody;
  assert.equal(error.request_id, answer.headers.get('x-request-id'));
  return { status: answer.status, code: error.code };
};

test('unknown routes are a JSON 404, wrong methods a 405 that names the right ones', async () => {
  assert.equal((await refusal(await get('/nothing/here'))).status, 404);
  assert.equal((await refusal(await get('/api/services/%E0%A4%A/history'))).status, 404);
  const wrong = await fetch(`${fixture.base}/api/status`, { method: 'PUT' });
  assert.equal(wrong.headers.get('allow'), 'GET, HEAD');
  assert.equal((await refusal(wrong)).status, 405);
  assert.equal((await fetch(`${fixture.base}/matrix/api/services`, { method: 'OPTIONS' })).status, 405);
});

test('HEAD answers as GET does, without the body', async () => {
  const whole = await get('/api/status');
  const head = await fetch(`${fixture.base}/api/status`, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get('content-length'), String((await whole.arrayBuffer()).byteLength));
  assert.equal(await head.text(), '');
});

test('one connection carries many requests, whatever the one before was', async () => {
  const status = ['Host: localhost', '', ''].join('\r\n');
  const first = `HEAD /api/status HTTP/1.1\r\n${status}`;
  const second = `GET /nothing HTTP/1.1\r\n${status}`;
  const answer = await raw(fixture.front.port, [
    `${first}${second}${first}GET /health HTTP/1.1`,
    'Host: localhost',
  ]);
  const whole = `${answer.head}\r\n\r\n${answer.body}`;
  assert.deepEqual(
    whole.match(/HTTP\/1\.1 \d+/g),
    ['200', '404', '200', '200'].map((code) => `HTTP/1.1 ${code}`),
  );
});

test('another site cannot reach it through a name of its own', async () => {
  const ask = async (host: string) =>
    (await raw(fixture.front.port, ['GET /api/status HTTP/1.1', `Host: ${host}`])).status;
  assert.equal(await ask('evil.example:80'), 403);
  assert.equal(await ask(`localhost:${fixture.front.port}`), 200);
  assert.equal(await ask('192.0.2.7:3910'), 200);
  assert.equal(await ask('[::1]:3910'), 200);
  const health = await raw(fixture.front.port, ['GET /health HTTP/1.1', 'Host: matrix-blue']);
  assert.equal(health.status, 200);
});

test('no answer lets another origin read, and every answer has its security headers and id', async () => {
  const answer = await get('/api/status', {
    origin: 'http://evil.example',
    'x-request-id': 'from-a-proxy-1',
  });
  assert.equal(answer.headers.get('access-control-allow-origin'), null);
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(answer.headers.get('x-request-id'), 'from-a-proxy-1');
});

test('a client that goes away mid-request leaves the server whole', async () => {
  const head = [
    'POST /api/services HTTP/1.1',
    'Host: localhost',
    'Content-Length: 1000',
    'Content-Type: application/json',
  ];
  const socket = connect(fixture.front.port, '127.0.0.1');
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  socket.write(`${head.join('\r\n')}\r\n\r\n{"name":`, () => socket.destroy());
  await closed;
  assert.equal((await get('/health')).status, 200);
});
