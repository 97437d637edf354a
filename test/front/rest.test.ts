/** Lost if this fails: scripts and the board read wrong data, or a mistake gets an answer that explains nothing. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ErrorBody, Status } from '../../schema/wire.js';
import { MatrixError } from '../../src/contract/errors.js';
import { until } from '../support/wait.js';
import { alert, bearer, changes, check, cycle, type Fixture, serve } from './support.js';

let fixture: Fixture;
const odd = 'disk /var/lib a?b';

before(async () => {
  fixture = await serve((store) => {
    store.rev = 1;
    store.checks = [check(odd), check('web', { status: 'fail', code: 'http_status' })];
    store.alerts = Array.from({ length: 60 }, () => alert('web'));
    store.cycle = cycle(7, { overall: 'fail' });
    store.services = [
      {
        name: 'web',
        family: 'http',
        source: 'config',
        config: { url: 'http://x', headers: { authorization: 'Basic eDp5' } },
        created_at: cycle(0).ts,
      },
    ];
  });
});
after(() => fixture.front.drain());

const get = (path: string, headers: Record<string, string> = {}) => fetch(fixture.base + path, { headers });
const send = async (method: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(fixture.base + path, {
    method,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...(await bearer('admin')), ...headers },
  });
const refusal = async (answer: Response) => {
  const { error } = (await answer.json()) as ErrorBody;
  assert.equal(error.request_id, answer.headers.get('x-request-id'));
  assert.ok(error.next.length > 0);
  return { status: answer.status, code: error.code, message: error.message };
};

test('the status is the same under both prefixes and carries an entity tag', async () => {
  const first = await get('/matrix/api/status');
  const body = (await first.json()) as Record<string, unknown>;
  assert.equal(first.status, 200);
  assert.equal(body['customer_id'], 'axe');
  assert.equal(body['deploy_color'], 'blue');
  assert.equal(body['overall'], 'fail');
  assert.deepEqual(body['cycle'], cycle(7, { overall: 'fail' }));
  assert.equal((body['checks'] as unknown[]).length, 2);
  assert.deepEqual(await (await get('/api/status')).json(), body);
  const etag = first.headers.get('etag') ?? '';
  const again = await get('/api/status', { 'if-none-match': etag });
  assert.equal(again.status, 304);
  assert.equal(await again.text(), '');
});

test('before the first cycle the status says so', async () => {
  const empty = await serve();
  const answer = await fetch(`${empty.base}/matrix/api/status`);
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { message: 'no check results yet' });
  await empty.front.drain();
});

test('started while the database is away, it shows what is checked although no cycle is known', async () => {
  const empty = await serve();
  const live = check('web', { status: 'fail', stored: false });
  empty.front.take({ kind: 'changes', changes: changes(0, { checks: [live] }) });
  const status = await until('the live result is shown', async () => {
    const body = (await (await fetch(`${empty.base}/matrix/api/status`)).json()) as Partial<Status>;
    return body.checks !== undefined && body;
  });
  assert.equal(status.cycle, null);
  assert.equal(status.overall, 'fail');
  assert.deepEqual(
    status.checks?.map(({ service, stored }) => [service, stored]),
    [['web', false]],
  );
  await empty.front.drain();
});

test('alerts: the 20 newest by default, as many as asked for otherwise', async () => {
  const { alerts } = (await (await get('/matrix/api/alerts')).json()) as { alerts: unknown[] };
  assert.equal(alerts.length, 20);
  const more = (await (await get('/api/alerts?limit=55&include_acked')).json()) as { alerts: unknown[] };
  assert.equal(more.alerts.length, 55);
});

test('history takes names with spaces, slashes and question marks, and defaults to 24 hours', async () => {
  const answer = await get(`/matrix/api/services/${encodeURIComponent(odd)}/history`);
  const body = (await answer.json()) as { service: string; hours: number; history: unknown[] };
  assert.deepEqual([body.service, body.hours, body.history.length], [odd, 24, 100]);
  const hours = await get(`/api/services/${encodeURIComponent(odd)}/history?hours=1.5`);
  assert.equal(((await hours.json()) as { hours: number }).hours, 1.5);
});

test('an unknown service, a wrong number, an unknown field and a repeated one are each named', async () => {
  assert.deepEqual(await refusal(await get('/api/services/none/history')), {
    status: 404,
    code: 'MX_NOT_FOUND',
    message: 'There is no service named "none"',
  });
  const wrong = await refusal(await get('/api/services/web/history?hours=soon&color=red'));
  assert.equal(wrong.status, 400);
  assert.match(wrong.message, /hours must be number/);
  assert.match(wrong.message, /color is not a known field/);
  assert.match((await refusal(await get('/api/uptime?days=1&days=2'))).message, /more than once/);
  assert.equal((await refusal(await get('/api/uptime?days=0'))).code, 'MX_BAD_REQUEST');
});

test('acknowledging twice changes nothing the second time and says so', async () => {
  const id = fixture.store.alerts[0]?.id ?? '';
  const first = await send('POST', `/matrix/api/alerts/${id}/ack`, { acked_by: 'ada' });
  const done = (await first.json()) as { already: boolean; alert: { acked_by: string } };
  assert.deepEqual([first.status, done.already, done.alert.acked_by], [200, false, 'ada']);
  const second = await send('POST', `/api/alerts/${id}/ack`, '');
  const repeated = (await second.json()) as {
    already: boolean;
    message: string;
    alert: { acked_by: string };
  };
  assert.deepEqual([second.status, repeated.already, repeated.alert.acked_by], [200, true, 'ada']);
  assert.match(repeated.message, /already acknowledged by ada/);
  assert.ok(
    fixture.logLines.some((line) => line.includes('"audit":true') && line.includes('acknowledge_alert')),
  );
});

test('an alert id that is no UUID is a 400, one that is not there a 404', async () => {
  const bad = await refusal(await send('POST', '/api/alerts/17/ack', {}));
  assert.deepEqual(bad, { status: 400, code: 'MX_BAD_REQUEST', message: 'alert_id must be a UUID' });
  const none = await send('POST', '/api/alerts/00000000-0000-4000-8000-000000000000/ack', {});
  assert.equal((await refusal(none)).status, 404);
});

test('services are registered and removed at run time, and the collector hears of it', async () => {
  const heard = fixture.retargeted.count;
  const made = await send('POST', '/matrix/api/services', {
    name: 'new one',
    family: 'http',
    config: { url: 'x' },
  });
  assert.equal(made.status, 201);
  assert.equal(((await made.json()) as { source: string }).source, 'api');
  assert.equal(
    (await refusal(await send('POST', '/api/services', { name: 'new one', family: 'http' }))).status,
    409,
  );
  const family = await refusal(await send('POST', '/api/services', { name: 'x', family: 'nonsense' }));
  assert.deepEqual([family.status, family.message], [400, 'There is no family named "nonsense"']);
  const gone = await send('DELETE', '/api/services/new%20one', '');
  assert.deepEqual([gone.status, await gone.json()], [200, { removed: ['new one'] }]);
  assert.equal((await refusal(await send('DELETE', '/api/services/new%20one', ''))).status, 404);
  assert.equal(fixture.retargeted.count, heard + 2);
});

test('the configuration of services is for members, without its secrets', async () => {
  const config = async (headers: Record<string, string>) =>
    ((await (await get('/api/services', headers)).json()) as { services: { config: object }[] }).services[0]
      ?.config;
  assert.deepEqual(await config({}), {});
  assert.deepEqual(await config(await bearer('member')), {
    url: 'http://x',
    headers: { authorization: '***' },
  });
});

test('malformed, mistyped, mislabelled and oversized bodies get their own statuses', async () => {
  const path = '/api/services';
  assert.deepEqual(await refusal(await send('POST', path, '{"name":')), {
    status: 400,
    code: 'MX_BAD_JSON',
    message: 'The body is not valid JSON',
  });
  assert.equal((await refusal(await send('POST', path, '[1]'))).code, 'MX_BAD_REQUEST');
  assert.equal((await refusal(await send('POST', path, '{}', { 'content-type': 'text/plain' }))).status, 415);
  const typed = await refusal(await send('POST', path, { name: 5, family: 'http', config: [] }));
  assert.match(typed.message, /name must be string/);
  assert.match(typed.message, /config must be object/);
  const large = await send('POST', path, JSON.stringify({ name: 'x'.repeat(300 * 1024) }));
  assert.equal((await refusal(large)).status, 413);
});

test('a database that is down is a 503 with its reason; the status goes on', async () => {
  fixture.store.broken = new MatrixError('MX_DATABASE_DOWN', 'The database does not answer: gone');
  const down = await get('/api/alerts');
  assert.equal(down.headers.get('retry-after'), '2');
  assert.deepEqual(await refusal(down), {
    status: 503,
    code: 'MX_DATABASE_DOWN',
    message: 'The database does not answer: gone',
  });
  assert.equal((await get('/api/status')).status, 200);
  fixture.store.broken = new Error('a bug with a secret in its message');
  const bug = await refusal(await get('/api/alerts'));
  assert.deepEqual([bug.status, bug.message], [500, 'Something went wrong inside Matrix']);
  fixture.store.broken = null;
});
