/** Lost if this fails: one confused agent takes the front down, or hears something that no protocol explains. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { ERRORS } from '../../src/contract/errors.js';
import { token } from '../front/support.js';
import { type FrontProcess, startFrontProcess, unharmed } from './support/front-process.js';
import { limitMs, runs } from './support/runs.js';

const AT_ONCE = 20;
const limit = { timeout: limitMs(240_000) };
let front: FrontProcess;
let bearer: string;
before(async () => {
  front = await startFrontProcess();
  bearer = await token('admin', { ttlS: 3600 });
});
after(() => front.stop());

const TOOLS = ['get_status', 'get_service_history', 'list_alerts', 'acknowledge_alert', 'get_uptime_report'];
const METHODS = [
  'initialize',
  'ping',
  'tools/list',
  'tools/call',
  'resources/list',
  'notifications/initialized',
];
const MORE = [
  'notifications/cancelled',
  'logging/setLevel',
  'server/discover',
  'completion/complete',
  'tasks/get',
  'rpc.x',
  '',
];
const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -0,
    1e308,
    2 ** 53,
    '',
    '\0',
    '\ud800',
    '__proto__',
    [],
    {},
    'x'.repeat(5_000),
  ),
  fc.jsonValue({ maxDepth: 3 }),
);
const mostly = <T>(good: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 3, arbitrary: good }, odd);
const meta = fc.dictionary(
  fc.constantFrom(
    'progressToken',
    'io.modelcontextprotocol/protocolVersion',
    'io.modelcontextprotocol/clientInfo',
  ),
  odd,
);
const params = fc.oneof(
  fc.record(
    {
      name: mostly(fc.constantFrom(...TOOLS)),
      arguments: mostly(
        fc.dictionary(
          fc.constantFrom(
            'service',
            'hours',
            'days',
            'alert_id',
            'include_acked',
            '__proto__',
            'constructor',
          ),
          odd,
        ),
      ),
      _meta: mostly(meta),
    },
    { requiredKeys: [] },
  ),
  fc.record({
    protocolVersion: mostly(
      fc.constantFrom('2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28', '1999-01-01'),
    ),
    capabilities: mostly(fc.constant({})),
    clientInfo: mostly(fc.constant({ name: 'fuzz', version: '1' })),
  }),
  odd,
);
const message = fc.record(
  {
    jsonrpc: fc.oneof({ weight: 6, arbitrary: fc.constant('2.0') }, odd),
    id: mostly(fc.oneof(fc.nat(), fc.string())),
    method: mostly(fc.constantFrom(...METHODS, ...MORE)),
    params,
    result: odd,
    error: odd,
  },
  { requiredKeys: ['jsonrpc', 'method'] },
);
/** What gets through to a tool, so that its arguments are tried as well. */
const call = fc
  .record({
    id: fc.nat(),
    name: fc.constantFrom(...TOOLS),
    arguments: fc.dictionary(
      fc.constantFrom('service', 'hours', 'days', 'alert_id', 'include_acked', '__proto__', 'constructor'),
      fc.oneof(odd, fc.constantFrom<unknown>('web', 1, 7, '00000000-0000-4000-8000-000000000000')),
      { maxKeys: 3 },
    ),
  })
  .map(({ id, ...params }) => ({ jsonrpc: '2.0', id, method: 'tools/call', params }));
const body = fc.oneof(
  { weight: 6, arbitrary: call.map((value) => JSON.stringify(value)) },
  { weight: 8, arbitrary: message.map((value) => JSON.stringify(value)) },
  fc.array(message, { maxLength: 4 }).map((batch) => JSON.stringify(batch)),
  fc.array(message, { minLength: 1, maxLength: 1 }).map(([one]) => JSON.stringify(one).slice(0, -1)),
  fc.constantFrom(
    '',
    'null',
    '[]',
    '""',
    '\0',
    `${'['.repeat(100_000)}`,
    `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":{"x":1}}}`,
  ),
  fc.constantFrom(
    `{"jsonrpc":"2.0","id":${'9'.repeat(5_000)},"method":"ping"}`,
    `[${'{"jsonrpc":"2.0","method":"x"},'.repeat(5_000)}1]`,
  ),
);
const headers = fc.record(
  {
    accept: fc.constantFrom(
      '*/*',
      'application/json',
      'text/event-stream',
      'application/json, text/event-stream',
      'text/html',
    ),
    'mcp-protocol-version': fc.constantFrom('2025-06-18', '2025-11-25', '2026-07-28', 'x', '2024-01-01'),
    'mcp-session-id': fc.constantFrom('none', 'x'.repeat(2_000), '1'),
    'mcp-method': fc.constantFrom('tools/call', 'ping', 'x'),
    'mcp-name': fc.constantFrom('get_status', 'x'),
    'last-event-id': fc.constantFrom('0', 'x'),
    'content-type': fc.constantFrom('application/json', 'application/json; charset=utf-16', 'text/plain'),
  },
  { requiredKeys: [] },
);

interface RpcError {
  readonly error?: { readonly code: unknown; readonly message?: unknown };
}

/** An error of JSON-RPC has a number, one of Matrix its own code. */
function assertCoded(answer: RpcError, status: number, input: string): void {
  const { error } = answer;
  if (error === undefined) {
    assert.ok(status < 400, `status ${status} without an error for ${input}`);
    return;
  }
  const known =
    typeof error.code === 'number' ? Number.isInteger(error.code) : Object.hasOwn(ERRORS, String(error.code));
  assert.ok(
    known && typeof error.message === 'string',
    `${JSON.stringify(answer).slice(0, 500)} for ${input}`,
  );
  assert.notEqual(error.code, -32603, `an internal error for ${input}`);
}

test('whatever an agent sends, it hears a result or an error that the protocol has', limit, () =>
  unharmed(front, () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ body, headers }), { minLength: AT_ONCE, maxLength: AT_ONCE }),
        async (requests) => {
          await Promise.all(
            requests.map(async (one) => {
              const input = JSON.stringify(one).slice(0, 1_500);
              const answer = await fetch(`http://127.0.0.1:${front.port}/matrix/mcp`, {
                method: 'POST',
                body: one.body,
                headers: {
                  'content-type': 'application/json',
                  ...one.headers,
                  authorization: `Bearer ${bearer}`,
                },
                signal: AbortSignal.timeout(30_000),
              });
              const text = await answer.text();
              assert.ok(answer.status < 500, `${answer.status} ${text.slice(0, 300)} for ${input}`);
              const documents =
                text.startsWith('event:') || text.startsWith('data:')
                  ? events(text)
                  : text === ''
                    ? []
                    : [text];
              for (const document of documents) {
                for (const one of [JSON.parse(document) as RpcError | RpcError[]].flat())
                  assertCoded(one, answer.status, input);
              }
            }),
          );
        },
      ),
      runs(15),
    ),
  ),
);

/** The data of server-sent events. */
function events(text: string): string[] {
  return [...text.matchAll(/^data: ?(\{.*)$/gm)].map(([, data = '']) => data);
}
