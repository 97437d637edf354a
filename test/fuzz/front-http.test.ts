/** Lost if this fails: a scanner, a broken proxy or a hostile page takes the board and the API away from everybody. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { OPERATIONS } from '../../src/front/operations/registry.js';
import { token } from '../front/support.js';
import {
  assertAnswer,
  type FrontProcess,
  sendRaw,
  startFrontProcess,
  unharmed,
} from './support/front-process.js';
import { limitMs, runs } from './support/runs.js';

const AT_ONCE = 40;
const limit = { timeout: limitMs(240_000) };
let front: FrontProcess;
let bearer: string;
before(async () => {
  front = await startFrontProcess();
  bearer = await token('admin', { ttlS: 3600 });
});
after(() => front.stop());

const odd = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\0',
    '%00',
    '%',
    '%zz',
    '%E0%A4%A',
    '..',
    '/',
    '\\',
    '1e9',
    '0x10',
    '-1',
    'NaN',
    'null',
    '[]',
    '{}',
  ),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'a'.repeat(3_000),
    'é',
    '\ud800',
    '9'.repeat(400),
    "' OR 1=1 --",
    '00000000-0000-0000-0000-000000000000',
  ),
  fc.string({ maxLength: 20 }),
);
const paths = OPERATIONS.map(({ rest }) => `/api${rest.path}`);
const path = fc
  .tuple(
    fc.constantFrom(
      ...paths,
      '/',
      '/matrix',
      '/matrix/mcp',
      '/matrix/ws',
      '/metrics',
      '/health',
      '/health/ready',
      '*',
      'http://evil/',
    ),
    odd,
  )
  .map(([pattern, value]) =>
    pattern.replaceAll(/\{[^}]+\}/g, () => encodeURIComponent(value.toWellFormed()).slice(0, 2_000)),
  );
const query = fc
  .array(
    fc.tuple(
      fc.constantFrom('hours', 'days', 'limit', 'include_acked', 'service', '__proto__', 'a[]', ''),
      odd,
    ),
    { maxLength: 3 },
  )
  .map((pairs) =>
    pairs.length === 0
      ? ''
      : `?${pairs.map(([key, value]) => `${key}=${value}`).join('&')}`.replaceAll(/[\s\0]/g, '+'),
  );
const header = fc.tuple(
  fc.constantFrom(
    'host',
    'content-length',
    'transfer-encoding',
    'content-type',
    'expect',
    'upgrade',
    'connection',
    'if-none-match',
    'authorization',
    'x-request-id',
    'origin',
    'x',
  ),
  fc.oneof(
    fc.constantFrom(
      'chunked',
      '5',
      '-1',
      '99999999999999999999',
      '100-continue',
      'websocket',
      'application/json',
      'Bearer x',
      'evil.example',
      'localhost',
    ),
    odd,
  ),
);
const json = fc.oneof(
  fc.constantFrom(
    '{"__proto__":{"admin":1},"name":"x"}',
    '{"name":"\\u0000"}',
    '[',
    '[1]',
    'null',
    '"',
    '{"config":{"__proto__":1}}',
    `${'['.repeat(50_000)}`,
  ),
  fc
    .record({ name: fc.jsonValue(), family: fc.jsonValue(), config: fc.jsonValue() }, { requiredKeys: [] })
    .map((value) => JSON.stringify(value)),
  fc.json(),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);
const request = fc.record({
  method: fc.constantFrom(
    'GET',
    'GET',
    'HEAD',
    'POST',
    'DELETE',
    'PUT',
    'OPTIONS',
    'TRACE',
    'CONNECT',
    'get',
    'X',
  ),
  path,
  query,
  headers: fc.array(header, { maxLength: 3 }),
  asAdmin: fc.boolean(),
  body: fc.option(json),
  /** How much longer the body is said to be than it is. */
  lies: fc.constantFrom(0, 0, 0, -1, 7),
  cutAt: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })),
});
type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;

function bytesOf({ method, path: to, query: ask, headers, asAdmin, body, lies, cutAt }: Request): Buffer {
  const lines = [`${method} ${to}${ask} HTTP/1.1`, 'host: localhost'];
  if (asAdmin) lines.push(`authorization: Bearer ${bearer}`);
  if (body !== null)
    lines.push('content-type: application/json', `content-length: ${Buffer.byteLength(body) + lies}`);
  for (const [name, value] of headers) lines.push(`${name}: ${value.replaceAll(/[\r\n]/g, ' ')}`);
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
  return bytes.subarray(0, Math.ceil(bytes.length * cutAt));
}

test('every request, however odd, is answered with a coded error or closed', limit, () =>
  unharmed(front, () =>
    fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (requests) => {
        await Promise.all(
          requests.map(async (one) => {
            const { text, closed } = await sendRaw(front.port, [bytesOf(one)]);
            assertAnswer(text, closed, JSON.stringify(one).slice(0, 1_500));
          }),
        );
      }),
      runs(10),
    ),
  ),
);

test('bytes that are no HTTP end the connection and nothing else', limit, () =>
  unharmed(front, () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.uint8Array({ maxLength: 500 }), { maxLength: 3 }), {
          minLength: AT_ONCE,
          maxLength: AT_ONCE,
        }),
        async (all) => {
          await Promise.all(
            all.map(async (pieces) => {
              const { text, closed } = await sendRaw(front.port, pieces);
              assertAnswer(text, closed, JSON.stringify(pieces));
            }),
          );
        },
      ),
      runs(2),
    ),
  ),
);

const raw = async (lines: readonly string[], body: string | Buffer = '') => {
  const bytes = Buffer.concat([
    Buffer.from(`${[...lines, 'connection: close'].join('\r\n')}\r\n\r\n`),
    Buffer.from(body),
  ]);
  const { text, closed } = await sendRaw(front.port, [bytes]);
  return assertAnswer(text, closed, lines.join(' | ').slice(0, 300));
};

test('what two readers could take in two ways is refused', limit, async () => {
  assert.equal(await raw(['GET /health HTTP/1.1', 'host: localhost', 'host: evil.example']), 400);
  assert.equal(await raw(['GET /api/status HTTP/1.1', 'Host: localhost', 'HOST: localhost']), 400);
  for (const hours of ['0x10', '1e1', ' 5', '5 ', '+5', '.5', '0b1', '1_0', '', 'Infinity', '٣']) {
    const url = `/api/services/web/history?hours=${encodeURIComponent(hours)}`;
    assert.equal(await raw([`GET ${url} HTTP/1.1`, 'host: localhost']), 400, JSON.stringify(hours));
  }
  assert.equal(await raw(['GET /api/services/web/history?hours=0.5 HTTP/1.1', 'host: localhost']), 200);
  assert.equal(await raw(['GET /api/uptime?days=7 HTTP/1.1', 'host: localhost']), 200);
  assert.equal(await raw(['GET /api/uptime?days=7.5 HTTP/1.1', 'host: localhost']), 400);
});

test('headers and bodies beyond all need are refused while they come', limit, () =>
  unharmed(front, async () => {
    assert.ok(
      [0, 200, 431].includes(
        await raw(['GET /health HTTP/1.1', 'host: localhost', `x: ${'y'.repeat(100_000)}`]),
      ),
    );
    assert.ok(
      [0, 200, 431].includes(
        await raw([
          'GET /health HTTP/1.1',
          'host: localhost',
          ...Array.from({ length: 5_000 }, () => 'a: b'),
        ]),
      ),
    );
    const big = [
      'POST /api/services HTTP/1.1',
      'host: localhost',
      `authorization: Bearer ${bearer}`,
      'content-type: application/json',
    ];
    const body = Buffer.alloc(10 * 1024 * 1024, '[');
    assert.ok([0, 413].includes(await raw([...big, `content-length: ${body.length}`], body)));
    const chunk = `10000\r\n${'['.repeat(65_536)}\r\n`;
    assert.ok([0, 413].includes(await raw([...big, 'transfer-encoding: chunked'], chunk.repeat(200))));
  }),
);

test('a thousand idle connections and slow writers keep nobody from an answer', limit, () =>
  unharmed(front, async () => {
    const sockets: Socket[] = [];
    for (let count = 0; count < 1_000; count += 1) {
      const socket = connect(front.port, '127.0.0.1').on('error', () => {});
      sockets.push(socket);
      if (count % 2 === 0) socket.write('GET /health HTTP/1.1\r\nhost: loc');
    }
    await Promise.all(sockets.map((socket) => (socket.connecting ? once(socket, 'connect') : undefined)));
    assert.equal((await fetch(`http://127.0.0.1:${front.port}/api/status`)).status, 200);
    for (const socket of sockets) socket.destroy();
  }),
);

test('a request whose headers never end is cut off', limit, async () => {
  const socket = connect(front.port, '127.0.0.1').on('error', () => {});
  let open = true;
  socket.on('close', () => {
    open = false;
  });
  socket.write('GET /health HTTP/1.1\r\nhost: localhost\r\nx: ');
  const startedAt = performance.now();
  while (open && performance.now() - startedAt < 60_000) {
    socket.write('y');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  assert.ok(!open, 'a client that sends a byte now and then holds a connection for ever');
});
