/** Lost if this fails: a name server or a `ping` that says odd things crashes the uplink's check, or blames the wrong side. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { spec } from '../../workers/wan/spec.js';
import { targetOf } from '../support/probing.js';
import { assertSound, bounded, type FamilyProcess, startFamily } from './support/family-process.js';
import { limitMs, runs } from './support/runs.js';

const TIMEOUT_MS = 2_000;
const AT_ONCE = 6;
const limit = { timeout: limitMs(240_000) };

let wan: FamilyProcess;
let dir: string;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'matrix-fuzz-'));
  // The last argument is the address; what is said of it stands in a file of that name.
  writeFileSync(join(dir, 'ping'), '#!/bin/sh\nfor to; do :; done\nexec /bin/sh "$(dirname "$0")/$to.sh"\n');
  chmodSync(join(dir, 'ping'), 0o755);
  pings('127.0.0.1', '3 packets transmitted, 3 received, 0% packet loss, time 2ms\n', 0);
  wan = await startFamily('wan', { PATH: `${dir}:${process.env['PATH'] ?? ''}` });
});
after(async () => {
  await wan?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function pings(address: string, output: string, exitCode: number, more = ''): void {
  writeFileSync(join(dir, `${address}.out`), Buffer.from(output, 'latin1'));
  writeFileSync(join(dir, `${address}.sh`), `cat '${join(dir, address)}.out'\n${more}\nexit ${exitCode}\n`);
}

async function ask(fields: object, input: string) {
  const config = {
    gateway: '127.0.0.1',
    target: '127.0.0.1',
    count: 1,
    dns_server: '127.0.0.1:9',
    ...fields,
  };
  const results = await wan.ask({ ...targetOf(spec, config) }, TIMEOUT_MS);
  assert.equal(results.length, 4, input);
  assertSound(spec, results, TIMEOUT_MS, input);
  return results;
}

const number = fc.oneof(
  fc.constantFrom('0', '1', '3', '-1', '', '9'.repeat(400), '0x3', '1e9', '\0'),
  fc.nat().map(String),
);
const words = fc.oneof(
  fc
    .tuple(number, number)
    .map(([sent, back]) => `${sent} packets transmitted, ${back} received, 0% packet loss\n`),
  number.map((rtt) => `rtt min/avg/max/mdev = ${rtt}/${rtt}.${rtt}/${rtt}/0 ms\n`),
  fc.constantFrom(
    'rtt min/avg/max = 1/1.2.3/4/\n',
    'round-trip min/avg/max = 1/..../2\n',
    '\u001b[31mred\n',
    'x'.repeat(20_000),
  ),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);
const said = fc.tuple(fc.array(words, { maxLength: 4 }), fc.constantFrom(0, 1, 2, 127, 255));

test('whatever ping says, the uplink is judged with a code', limit, async () => {
  let next = 1;
  await bounded([wan], async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(said, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (all) => {
        await Promise.all(
          all.map(([lines, exit]) => {
            const address = `127.0.${++next >> 8}.${next & 255}`;
            pings(address, lines.join(''), exit);
            return ask({ target: address }, JSON.stringify([lines, exit]));
          }),
        );
      }),
      runs(3),
    );
    pings('127.1.0.1', '', 0, 'yes garbage');
    pings('127.1.0.2', '', 0, 'yes garbage >&2');
    pings('127.1.0.3', '3 packets transmitted', 0, 'sleep 5');
    for (const address of ['127.1.0.1', '127.1.0.2', '127.1.0.3']) await ask({ target: address }, address);
  });
});

/** What is laid over the query's header: wrong ids, truncation, lying counts, loops of compression, and plain noise. */
const answer = fc.record({
  id: fc.constantFrom('same', 'same', 'other'),
  flags: fc.oneof(
    fc.constantFrom(0x8180, 0x8380, 0x8183, 0x8185, 0x8182, 0x0100, 0xffff),
    fc.integer({ min: 0, max: 65_535 }),
  ),
  counts: fc.tuple(...Array.from({ length: 4 }, () => fc.constantFrom(0, 1, 1, 2, 65_535))),
  rest: fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    // A name that points at itself, one that points beyond the end, an address of the wrong length, a huge answer.
    fc.constantFrom(
      [0xc0, 12],
      [0xc0, 0xff],
      [0xff, 0xff],
      [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 3, 127, 0, 0],
    ),
    fc.constant(new Uint8Array(60_000).fill(0xc0)),
    fc
      .array(fc.constant([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]), { maxLength: 3_000 })
      .map((list) => list.flat()),
  ),
  keepsQuestion: fc.boolean(),
  times: fc.constantFrom(0, 1, 1, 50),
});
type Dns = typeof answer extends fc.Arbitrary<infer T> ? T : never;

async function nameServer(how: Dns): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    if (how.id === 'other') header.writeUInt16BE((query.readUInt16BE(0) + 1) & 0xffff, 0);
    for (const [index, value] of [how.flags, ...how.counts].entries())
      header.writeUInt16BE(value, 2 + 2 * index);
    const parts = [header, ...(how.keepsQuestion ? [query.subarray(12)] : []), Buffer.from(how.rest)];
    for (let count = 0; count < how.times; count += 1)
      socket.send(Buffer.concat(parts), from.port, from.address, () => {});
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

test('whatever a name server answers, name resolution is judged with a code', limit, () =>
  bounded([wan], () =>
    fc.assert(
      fc.asyncProperty(fc.array(answer, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (all) => {
        await Promise.all(
          all.map(async (how) => {
            const server = await nameServer(how);
            const { port } = server.address();
            await ask(
              { dns_server: `127.0.0.1:${port}`, dns_host: 'name.test' },
              JSON.stringify(how).slice(0, 2_000),
            );
            server.close();
          }),
        );
      }),
      runs(2),
    ),
  ),
);
