/** Lost if this fails: somebody without the right token reads or changes what is not theirs, or is not told why. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SignJWT, UnsecuredJWT } from 'jose';
import type { ErrorBody } from '../../schema/wire.js';
import { covers, mintToken, ROLES } from '../../src/front/auth.js';
import { operation } from '../../src/front/operations/operation.js';
import { OPERATIONS, registry } from '../../src/front/operations/registry.js';
import { alert, type Fixture, SECRET, serve, token } from './support.js';

let open: Fixture;
let closed: Fixture;
before(async () => {
  open = await serve((store) => {
    store.alerts = [alert('web')];
  });
  closed = await serve(() => {}, { anonymousRead: false });
});
after(async () => {
  await open.front.drain();
  await closed.front.drain();
});

const key = new TextEncoder().encode(SECRET);
const claims = () => new SignJWT({ role: 'admin' }).setProtectedHeader({ alg: 'HS256' }).setSubject('x');
const whole = () => claims().setIssuer('matrix').setAudience('matrix').setExpirationTime('1h');

async function refused(authorization: string | undefined): Promise<string> {
  const headers = authorization === undefined ? {} : { authorization };
  const answer = await fetch(`${open.base}/matrix/mcp`, { method: 'POST', headers, body: '{}' });
  assert.equal(answer.status, 401);
  assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer realm="matrix"/);
  const { error } = (await answer.json()) as ErrorBody;
  assert.equal(error.code, 'MX_UNAUTHENTICATED');
  return error.message;
}

test('MCP never answers without a token, even where reading needs none', async () => {
  assert.equal(await refused(undefined), 'missing bearer token');
  assert.equal(await refused('Basic eDp5'), 'missing bearer token');
});

test('a refused token is told what is wrong with it', async () => {
  const bearer = async (made: Promise<string> | string) => refused(`Bearer ${await made}`);
  assert.equal(await bearer('nonsense'), 'the bearer token is not a valid JWT');
  assert.equal(await bearer(token('admin', { ttlS: -5 })), 'the token has expired');
  assert.equal(
    await bearer(token('admin', { secret: 'y'.repeat(40) })),
    'the signature of the token is wrong',
  );
  assert.match(await bearer(whole().setAudience('other').sign(key)), /another audience/);
  assert.match(await bearer(whole().setIssuer('other').sign(key)), /another issuer/);
  assert.match(
    await bearer(claims().setIssuer('matrix').setAudience('matrix').sign(key)),
    /lacks the claim "exp"/,
  );
  const algorithm = new SignJWT({ role: 'admin' })
    .setProtectedHeader({ alg: 'HS512' })
    .setExpirationTime('1h');
  assert.match(await bearer(algorithm.sign(new TextEncoder().encode(SECRET.repeat(2)))), /other than HS256/);
  const unsigned = new UnsecuredJWT({ role: 'admin' })
    .setSubject('x')
    .setAudience('matrix')
    .setIssuer('matrix');
  assert.notEqual(await bearer(unsigned.setExpirationTime('1h').encode()), '');
  const role = new SignJWT({ role: 'root' }).setProtectedHeader({ alg: 'HS256' }).setSubject('x');
  const full = role.setIssuer('matrix').setAudience('matrix').setExpirationTime('1h');
  assert.match(await bearer(full.sign(key)), /no role/);
});

test('a token that was good is refused once it has expired, although it is remembered', async () => {
  const soon = await mintToken({ role: 'viewer', subject: 'x', ttlS: 2, secret: SECRET });
  const ask = () => fetch(`${closed.base}/api/status`, { headers: { authorization: `Bearer ${soon}` } });
  assert.equal((await ask()).status, 200);
  const deadline = Date.now() + 20_000;
  while ((await ask()).status === 200) {
    assert.ok(Date.now() < deadline, 'an expired token still opens the door');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal((await ask()).status, 401);
});

test('reading without a token can be switched off, also for metrics', async () => {
  for (const path of ['/api/status', '/api/alerts', '/metrics']) {
    assert.equal((await fetch(closed.base + path)).status, 401);
    assert.notEqual((await fetch(open.base + path)).status, 401);
    const headers = { authorization: `Bearer ${await token('viewer')}` };
    assert.equal((await fetch(closed.base + path, { headers })).status, 200);
  }
  assert.equal((await fetch(`${closed.base}/health`)).status, 200);
});

test('changing needs the role that the refusal names, and a refusal changes nothing', async () => {
  const id = open.store.alerts[0]?.id;
  const ack = async (headers: Record<string, string>) => {
    const answer = await fetch(`${open.base}/api/alerts/${id}/ack`, { method: 'POST', headers });
    return { status: answer.status, message: ((await answer.json()) as ErrorBody).error.message };
  };
  assert.deepEqual(await ack({}), { status: 401, message: 'missing bearer token' });
  const viewer = await ack({ authorization: `Bearer ${await token('viewer')}` });
  assert.equal(viewer.status, 403);
  assert.match(viewer.message, /needs the role member.*has the role viewer/);
  assert.equal(open.store.alerts[0]?.acked_at, null);
  const register = await fetch(`${open.base}/api/services`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await token('member')}`, 'content-type': 'application/json' },
    body: '{"name":"n","family":"http"}',
  });
  assert.equal(register.status, 403);
  const audited = open.logLines.filter((line) => line.includes('"audit":true'));
  assert.ok(audited.some((line) => line.includes('acknowledge_alert') && line.includes('a viewer')));
  assert.ok(audited.some((line) => line.includes('register_service') && line.includes('MX_FORBIDDEN')));
  assert.deepEqual(open.store.services, []);
});

test('a role includes the ones below it', () => {
  const table = ROLES.map((role) => ROLES.map((needed) => covers(role, needed)));
  assert.deepEqual(table, [
    [true, false, false],
    [true, true, false],
    [true, true, true],
  ]);
});

test('an operation without a scope, or with a name or path that is taken, is refused by name', () => {
  const [first] = OPERATIONS;
  assert.ok(first !== undefined);
  const { scope: _, ...unscoped } = first;
  assert.throws(() => registry([unscoped as typeof first]), /get_status is refused: it has no scope/);
  assert.throws(() => registry([first, first]), /the name get_status is taken/);
  const renamed = { ...first, name: 'other' };
  assert.throws(() => registry([first, renamed]), /other is refused: GET \/status is taken/);
  const rest = { method: 'GET', path: '/x/{nothing}' } as const;
  assert.throws(() => registry([operation({ ...first, rest })]), /its input lacks the field nothing/);
});
