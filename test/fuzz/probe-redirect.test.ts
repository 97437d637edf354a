/** Lost if this fails: an endpoint that redirects oddly crashes the checks of all others, or gets a verdict without a code. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { spec } from '../../workers/http/spec.js';
import { targetOf } from '../support/probing.js';
import { type TestServer, tcpServer } from '../support/servers.js';
import { assertSound, bounded, type FamilyProcess, startFamily } from './support/family-process.js';
import { limitMs, runs } from './support/runs.js';

const TIMEOUT_MS = 2_000;
const AT_ONCE = 10;
const limit = { timeout: limitMs(240_000) };

let http: FamilyProcess;
let server: TestServer;
/** Answers `/<base64url of a location>` with a redirect there, so that the input travels in the request. */
before(async () => {
  http = await startFamily('http');
  server = await tcpServer((socket) =>
    socket.once('data', (request) => {
      const [, coded = ''] = /^\S+ \/(\d{3}[\w-]*)/.exec(request.toString('latin1')) ?? [];
      const location = Buffer.from(coded.slice(3), 'base64url');
      const head = `HTTP/1.1 ${coded.slice(0, 3) || '200'} OK\r\ncontent-length: 0\r\nlocation: `;
      socket.end(Buffer.concat([Buffer.from(head), location, Buffer.from('\r\n\r\n')]));
    }),
  );
});
after(() => Promise.all([http.stop(), server.close()]));

/** Only loopback, what needs no network at all, and what is no URL: nothing here may reach another machine. */
const location = fc.oneof(
  fc.constantFrom(
    ...[
      '',
      ' ',
      '/',
      '//',
      '///',
      '?',
      '#',
      '.',
      '..',
      '\\',
      '%',
      '%00',
      '/%zz',
      'http:',
      'http://',
      'https://:0',
    ],
    ...[
      'file:///etc/passwd',
      'javascript:alert(1)',
      'data:text/plain,x',
      'ftp://127.0.0.1/',
      'ws://127.0.0.1/',
    ],
    ...[
      'http://127.0.0.1:0/',
      'http://127.0.0.1:1/',
      'https://127.0.0.1:1/',
      'http://127.0.0.1:99999/',
      'http://[::1]:1/',
    ],
    ...[
      'http://[fe80::1]/',
      'http://[ff02::1]/',
      'http://[::]:1/',
      'http://0:1/',
      'http://0x7f.1:1/',
      'http://2130706433:1/',
    ],
    ...[
      'http://user:pass@127.0.0.1:1/',
      'http://%75ser:%@127.0.0.1:1/',
      'http://127.0.0.1:1:1/',
      'http://[::1',
      'http://a b/',
    ],
    `/${'x'.repeat(15_000)}`,
    `http://127.0.0.1:1/${'é'.repeat(7_000)}`,
    `/${'../'.repeat(4_000)}`,
    `?${'a=b&'.repeat(3_000)}`,
  ),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => `/${Buffer.from(bytes).toString('latin1')}`),
  fc.webPath().map((path) => `/${path}`),
);
const redirect = fc.record({
  status: fc.constantFrom(301, 302, 303, 307, 308, 300, 304, 399),
  location,
  method: fc.constantFrom('GET', 'HEAD', 'POST'),
  follow: fc.constantFrom(0, 1, 20),
});

function urlOf(status: number, to: string): string {
  return `${server.origin}/${status}${Buffer.from(to, 'latin1').toString('base64url')}`;
}

async function ask(url: string, fields: object, input: string) {
  const results = await http.ask({ ...targetOf(spec, { ...fields, url }) }, TIMEOUT_MS);
  assert.equal(results.length, 1, input);
  assertSound(spec, results, TIMEOUT_MS, input);
  return results[0];
}

test('wherever a redirect leads, one coded result comes', limit, () =>
  bounded([http], () =>
    fc.assert(
      fc.asyncProperty(fc.array(redirect, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (redirects) => {
        await Promise.all(
          redirects.map(({ status, location: to, method, follow }) =>
            ask(
              urlOf(status, to),
              { method, follow_redirects: follow },
              JSON.stringify([status, to, method, follow]),
            ),
          ),
        );
      }),
      runs(12),
    ),
  ),
);

test('a loop ends after as many redirects as were allowed', limit, async () => {
  const loop = await tcpServer((socket) =>
    socket.on('data', () => socket.write('HTTP/1.1 302 F\r\ncontent-length: 0\r\nlocation: /again\r\n\r\n')),
  );
  const result = await ask(loop.origin, { follow_redirects: 20 }, 'a loop');
  assert.deepEqual([result?.verdict, result?.code, loop.connections()], ['fail', 'too_many_redirects', 21]);
  await loop.close();
});
