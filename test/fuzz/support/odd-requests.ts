/** Requests that look like HTTP, more or less: each part as it should be, or odd. */
import fc from 'fast-check';
import { OPERATIONS } from '../../../src/front/operations/registry.js';

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
export const oddRequest = fc.record({
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
export type OddRequest = typeof oddRequest extends fc.Arbitrary<infer T> ? T : never;

/** The bytes of one; `bearer` is the token that it carries if it comes as an admin. */
export function bytesOf(
  { method, path: to, query: ask, headers, asAdmin, body, lies, cutAt }: OddRequest,
  bearer: string,
): Buffer {
  const lines = [`${method} ${to}${ask} HTTP/1.1`, 'host: localhost'];
  if (asAdmin) lines.push(`authorization: Bearer ${bearer}`);
  if (body !== null)
    lines.push('content-type: application/json', `content-length: ${Buffer.byteLength(body) + lies}`);
  for (const [name, value] of headers) lines.push(`${name}: ${value.replaceAll(/[\r\n]/g, ' ')}`);
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
  return bytes.subarray(0, Math.ceil(bytes.length * cutAt));
}
