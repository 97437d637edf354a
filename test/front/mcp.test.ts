/** Lost if this fails: agents cannot use Matrix, or are told something else than people are. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { MatrixError } from '../../src/contract/errors.js';
import { alert, bearer, check, cycle, type Fixture, serve } from './support.js';

let fixture: Fixture;
let client: Client;

before(async () => {
  fixture = await serve((store) => {
    store.checks = [check('web'), check('db', { status: 'fail', code: 'timeout' })];
    store.alerts = Array.from({ length: 60 }, (_, index) =>
      alert('db', index === 0 ? { acked_at: cycle(0).ts } : {}),
    );
    store.cycle = cycle(3, { overall: 'fail' });
  });
  client = await connect(fixture, 'member');
});
after(async () => {
  await client.close();
  await fixture.front.drain();
});

async function connect(to: Fixture, role: 'viewer' | 'member'): Promise<Client> {
  const made = new Client({ name: 'test', version: '1.0.0' });
  const requestInit = { headers: await bearer(role) };
  await made.connect(new StreamableHTTPClientTransport(new URL(`${to.base}/matrix/mcp`), { requestInit }));
  return made;
}

interface Answer {
  readonly isError: boolean;
  readonly text: string;
  readonly data: Record<string, unknown>;
}

async function call(name: string, args: Record<string, unknown> = {}, by: Client = client): Promise<Answer> {
  const result = await by.callTool({ name, arguments: args });
  const [first] = result.content as { type: string; text: string }[];
  return {
    isError: result.isError === true,
    text: first?.text ?? '',
    data: (result.structuredContent ?? {}) as Record<string, unknown>,
  };
}

test('it presents itself as matrix, with the version of the package', () => {
  assert.equal(client.getServerVersion()?.name, 'matrix');
  assert.equal(client.getServerVersion()?.version, '9.8.7');
});

test('there are exactly the five tools, with the inputs of the contract', async () => {
  const { tools } = await client.listTools();
  const inputs = Object.fromEntries(
    tools.map((tool) => {
      const fields = Object.entries(tool.inputSchema.properties ?? {}) as [string, { default?: unknown }][];
      const needed = tool.inputSchema.required ?? [];
      return [
        tool.name,
        Object.fromEntries(fields.map(([k, v]) => [k, needed.includes(k) ? 'required' : v.default])),
      ];
    }),
  );
  assert.deepEqual(inputs, {
    get_status: {},
    get_service_history: { service: 'required', hours: 24 },
    list_alerts: { include_acked: false },
    acknowledge_alert: { alert_id: 'required', acked_by: 'operator' },
    get_uptime_report: { days: 7 },
  });
  for (const tool of tools) {
    assert.equal(tool.annotations?.readOnlyHint, tool.name !== 'acknowledge_alert', tool.name);
    assert.ok((tool.description ?? '').length > 20);
    assert.equal(tool.outputSchema?.type, 'object');
  }
});

test('get_status answers what REST answers, as data and as text', async () => {
  const { data, text } = await call('get_status');
  const rest = await (await fetch(`${fixture.base}/api/status`)).json();
  assert.deepEqual(data, rest);
  assert.deepEqual(JSON.parse(text), rest);
});

test('get_status before the first cycle says exactly that', async () => {
  const empty = await serve();
  const asking = await connect(empty, 'viewer');
  const { text, isError } = await call('get_status', {}, asking);
  assert.deepEqual([text, isError], ['no check results yet', false]);
  await asking.close();
  await empty.front.drain();
});

test('get_service_history answers the newest hundred rows of 24 hours', async () => {
  const { data } = await call('get_service_history', { service: 'web' });
  assert.deepEqual([data['hours'], (data['history'] as unknown[]).length], [24, 100]);
});

test('list_alerts answers fifty, open ones unless asked for all', async () => {
  const open = (await call('list_alerts')).data['alerts'] as { acked_at: string | null }[];
  assert.equal(open.length, 50);
  assert.ok(open.every((one) => one.acked_at === null));
  const all = (await call('list_alerts', { include_acked: true })).data['alerts'] as {
    acked_at: string | null;
  }[];
  assert.ok(all.some((one) => one.acked_at !== null));
});

test('acknowledge_alert acknowledges as operator, and a second time is a no-op', async () => {
  const alert_id = fixture.store.alerts.at(-1)?.id;
  const first = await call('acknowledge_alert', { alert_id });
  assert.equal((first.data['alert'] as { acked_by: string }).acked_by, 'operator');
  const second = await call('acknowledge_alert', { alert_id, acked_by: 'someone else' });
  assert.deepEqual([second.isError, second.data['already']], [false, true]);
  assert.equal((second.data['alert'] as { acked_by: string }).acked_by, 'operator');
});

test('get_uptime_report covers seven days unless asked otherwise', async () => {
  const { data } = await call('get_uptime_report');
  assert.deepEqual([data['days'], (data['services'] as unknown[]).length], [7, 2]);
});

test('what an agent can put right is a tool error that says how', async () => {
  const history = await call('get_service_history', { service: 'none' });
  assert.ok(history.isError);
  assert.match(history.text, /There is no service named "none".*Check the path.*MX_NOT_FOUND, request_id/);
  assert.match((await call('acknowledge_alert', { alert_id: '17' })).text, /alert_id must be a UUID/);
  assert.match(
    (await call('get_service_history', { hours: 'x', more: 1 })).text,
    /service is required.*more is not/,
  );
  assert.match((await call('list_alerts', { limit: 5 })).text, /limit is not a known field/);
  const viewer = await connect(fixture, 'viewer');
  const refused = await call('acknowledge_alert', { alert_id: fixture.store.alerts[5]?.id }, viewer);
  assert.match(refused.text, /needs the role member/);
  assert.equal(fixture.store.alerts[5]?.acked_at, null);
  await viewer.close();
  fixture.store.broken = new MatrixError('MX_DATABASE_DOWN', 'The database does not answer: gone');
  assert.match((await call('list_alerts')).text, /does not answer: gone.*\/health\/ready/);
  fixture.store.broken = null;
});

test('a tool that does not exist is a protocol error', async () => {
  await assert.rejects(client.callTool({ name: 'drop_tables', arguments: {} }), /Unknown tool "drop_tables"/);
});

async function post(body: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${fixture.base}/matrix/mcp`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...(await bearer('viewer')), ...headers },
  });
  const text = await answer.text();
  return { status: answer.status, json: text === '' ? null : (JSON.parse(text) as RpcAnswer) };
}
interface RpcAnswer {
  readonly id: unknown;
  readonly error?: { code: number; message: string };
  readonly result?: { protocolVersion?: string; serverInfo?: { name: string } };
}
const rpc = (method: string, params: object = {}, id: unknown = 1) =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

test('every published revision from 2025-03-26 on is spoken, by a plain HTTP client too', async () => {
  for (const protocolVersion of ['2025-03-26', '2025-06-18', '2025-11-25']) {
    const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'curl', version: '1' } };
    const { status, json } = await post(rpc('initialize', params), { accept: '*/*' });
    assert.equal(status, 200);
    assert.equal(json?.result?.protocolVersion, protocolVersion);
    assert.equal(json?.result?.serverInfo?.name, 'matrix');
  }
});

test('the newest revision, which has no handshake, is spoken too', async () => {
  const made = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
  const requestInit = { headers: await bearer('viewer') };
  await made.connect(
    new StreamableHTTPClientTransport(new URL(`${fixture.base}/matrix/mcp`), { requestInit }),
  );
  assert.equal(made.getNegotiatedProtocolVersion(), '2026-07-28');
  assert.deepEqual((await call('get_status', {}, made)).data, (await call('get_status')).data);
  await made.close();
});

test('malformed requests get the error that the protocol has for them', async () => {
  const broken = await post('{"jsonrpc":');
  assert.deepEqual([broken.status, broken.json?.error?.code], [400, -32700]);
  const notRpc = await post('{"hello":1}');
  assert.equal(notRpc.status, 400);
  assert.ok([-32600, -32700].includes(notRpc.json?.error?.code ?? 0));
  assert.equal((await post(rpc('no/such/method'))).json?.error?.code, -32601);
  assert.equal((await post(rpc('tools/call', { name: 'nothing' }))).json?.error?.code, -32602);
  assert.equal((await post(rpc('tools/call', { arguments: {} }))).json?.error?.code, -32602);
  assert.equal((await post(rpc('tools/list', {}, 77))).json?.id, 77);
});

test('notifications get no answer, other methods, types and sizes their own statuses', async () => {
  const note = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
  assert.deepEqual(await post(note), { status: 202, json: null });
  assert.equal((await post(rpc('tools/list'), { 'content-type': 'text/plain' })).status, 415);
  assert.equal((await post('x'.repeat(300 * 1024))).status, 413);
  const read = await fetch(`${fixture.base}/matrix/mcp`, { headers: await bearer('viewer') });
  assert.deepEqual([read.status, read.headers.get('allow')], [405, 'POST']);
});
