/** Lost if this fails: a broken TLS endpoint crashes or hangs the checks of all others, or is told without a code. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { spec } from '../../workers/http/spec.js';
import { makeCertificate } from '../support/certificates.js';
import { targetOf } from '../support/probing.js';
import { tcpServer } from '../support/servers.js';
import { assertSound, bounded, type FamilyProcess, startFamily } from './support/family-process.js';
import { type Answering, answering, described, play } from './support/hostile-http.js';
import { limitMs, runs } from './support/runs.js';

const TIMEOUT_MS = 1_500;
const limit = { timeout: limitMs(240_000) };
let http: FamilyProcess;
before(async () => {
  http = await startFamily('http');
});
after(() => http.stop());

async function ask(port: number, fields: object, input: string): Promise<string> {
  const url = `https://127.0.0.1:${port}/`;
  const results = await http.ask({ ...targetOf(spec, { ...fields, url }) }, TIMEOUT_MS);
  assert.equal(results.length, 1, input);
  assertSound(spec, results, TIMEOUT_MS, input);
  return results[0]?.code ?? '';
}

/** Records of TLS: a type, a version, a length that may lie, and what may be its content. */
const record = fc
  .tuple(
    fc.oneof(fc.constantFrom(20, 21, 22, 23, 24, 0x80), fc.integer({ min: 0, max: 255 })),
    fc.constantFrom([3, 1], [3, 3], [3, 4], [2, 0], [0xff, 0xff]),
    fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 65_535 })),
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      // Alerts, a server hello without a body, a hello request, one that says it has 16 MB.
      fc.constantFrom(
        [2, 40],
        [1, 0],
        [2, 255],
        [2, 0, 0, 0],
        [0, 0, 0, 0],
        [2, 255, 255, 255],
        [11, 0, 0, 3, 0, 0, 0],
      ),
    ),
  )
  .map(([type, [major = 3, minor = 3], length, content]) => {
    const size = length ?? content.length;
    return Buffer.from([type, major, minor, size >> 8, size & 255, ...content]);
  });
const records: fc.Arbitrary<Answering> = fc
  .tuple(fc.array(record, { minLength: 1, maxLength: 8 }), answering)
  .map(([list, how]) => {
    const { endless, ...rest } = how;
    const whole: Answering = { ...rest, label: 'records', bytes: Buffer.concat(list), mayPass: false };
    return Object.assign(whole, { [fc.toStringMethod]: () => described(whole) });
  });

test('garbage, alerts and drips instead of a handshake end in one coded failure', limit, () =>
  bounded([http], () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(records, answering), { minLength: 8, maxLength: 8 }), (plans) =>
        Promise.all(
          plans.map(async (how) => {
            const server = await tcpServer((socket) => play(socket, how));
            assert.notEqual(
              await ask(server.port, { verify_tls: false }, described(how)),
              '',
              described(how),
            );
            await server.close();
          }),
        ).then(() => undefined),
      ),
      runs(5),
    ),
  ),
);

test('a handshake cut or corrupted at any byte ends in one coded result', limit, async () => {
  const pair = makeCertificate();
  const tls = createTlsServer({ ...pair }, (socket) => {
    socket.on('error', () => {}).end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  }).on('tlsClientError', () => {});
  tls.listen(0, '127.0.0.1');
  await once(tls, 'listening');
  const { port } = tls.address() as AddressInfo;
  const spoiled = async (at: number, how: 'cut' | 'flip' | 'hold') => {
    const proxy = createServer((client) => {
      const inner = connect(port, '127.0.0.1').on('error', () => {});
      client.on('error', () => {}).pipe(inner);
      client.on('close', () => inner.destroy());
      let seen = 0;
      inner.on('data', (chunk: Buffer) => {
        const here = at - seen;
        seen += chunk.length;
        if (here < 0 || here >= chunk.length) client.write(chunk);
        else if (how === 'flip')
          client.write(Buffer.from(chunk.map((byte, index) => (index === here ? ~byte : byte))));
        else client.write(chunk.subarray(0, here), () => how === 'cut' && client.destroy());
      });
      inner.on('end', () => client.end());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    await ask((proxy.address() as AddressInfo).port, { verify_tls: false }, `${how} at byte ${at}`);
    proxy.close();
  };
  const spoil = fc.tuple(fc.integer({ min: 0, max: 1500 }), fc.constantFrom('cut', 'flip', 'hold'));
  await fc.assert(
    fc.asyncProperty(fc.array(spoil, { minLength: 8, maxLength: 8 }), (all) =>
      Promise.all(all.map(([at, how]) => spoiled(at, how))).then(() => undefined),
    ),
    runs(5),
  );
  tls.close();
});

test('huge chains, names by the thousand and renegotiation end in one coded result', limit, async () => {
  const pair = makeCertificate();
  const names = Array.from({ length: 4_000 }, (_, index) => `DNS:n${index}.example.org`).join(',');
  const wide = makeCertificate({ names });
  const renegotiate = (socket: TLSSocket) => socket.renegotiate({ rejectUnauthorized: false }, () => {});
  const cases = [
    { label: 'a chain of 50', ...pair, cert: pair.cert.repeat(50) },
    { label: 'a chain of 2,000', ...pair, cert: pair.cert.repeat(2_000) },
    { label: 'many names', ...wide },
    { label: 'TLS 1.2, renegotiating', ...pair, maxVersion: 'TLSv1.2' as const },
    {
      label: 'TLS 1.0 only',
      ...pair,
      maxVersion: 'TLSv1' as const,
      minVersion: 'TLSv1' as const,
      ciphers: 'ALL:@SECLEVEL=0',
    },
  ];
  await bounded([http], async () => {
    for (const { label, ...options } of cases) {
      const server = createTlsServer(options, (socket) => {
        socket.on('error', () => {}).write('HTTP/1.1 200 OK\r\n');
        if ((options as { maxVersion?: string }).maxVersion === 'TLSv1.2') renegotiate(socket);
      }).on('tlsClientError', () => {});
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      for (const verify_tls of [true, false])
        assert.notEqual(await ask(port, { verify_tls }, label), '', label);
      server.close();
    }
  });
});
