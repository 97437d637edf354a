/** Lost if this fails: a scanner, a broken proxy or a hostile page takes the board and the API away from everybody. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { token } from '../front/support.js';
import {
  assertAnswer,
  type FrontProcess,
  sendRaw,
  startFrontProcess,
  unharmed,
} from './support/front-process.js';
import { bytesOf, oddRequest } from './support/odd-requests.js';
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

test('every request, however odd, is answered with a coded error or closed', limit, () =>
  unharmed(front, () =>
    fc.assert(
      fc.asyncProperty(fc.array(oddRequest, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (requests) => {
        await Promise.all(
          requests.map(async (one) => {
            const { text, closed } = await sendRaw(front.port, [bytesOf(one, bearer)]);
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
