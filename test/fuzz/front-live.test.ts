/** Lost if this fails: one broken or hostile WebSocket client takes the live board away from everybody. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { ERRORS } from '../../src/contract/errors.js';
import { type ClientState, type LiveMessage, receive } from '../../src/snapshot/client.js';
import { until } from '../support/wait.js';
import { type FrontProcess, startFrontProcess, unharmed } from './support/front-process.js';
import { limitMs, runs } from './support/runs.js';

const AT_ONCE = 15;
const limit = { timeout: limitMs(240_000) };
let front: FrontProcess;
before(async () => {
  front = await startFrontProcess();
});
after(() => front.stop());

const frame = fc
  .record({
    fin: fc.constantFrom(true, true, true, false),
    reserved: fc.constantFrom(...new Array<number>(12).fill(0), 0x10, 0x40, 0x70),
    opcode: fc.constantFrom(...new Array<number>(12).fill(1), 0, 2, 3, 7, 8, 9, 9, 10, 15),
    masked: fc.constantFrom(...new Array<boolean>(9).fill(true), false),
    payload: fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          '{"type":"resync"}',
          '{"type":"__proto__"}',
          'null',
          '[]',
          '"',
          '',
          '{"type":"subscribe","topic":{}}',
          '\u0003\u00e8bye',
        ),
      },
      fc.json({ maxDepth: 2 }),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      fc.constantFrom('x'.repeat(5_000), '\ud800', '\xff\xfe\xfd'),
    ),
    /** What the length says instead of the truth. */
    says: fc.oneof(
      { weight: 9, arbitrary: fc.constant(null) },
      fc.constantFrom(0, 125, 65_535, 2 ** 32, Number.MAX_SAFE_INTEGER),
    ),
  })
  .map(({ fin, reserved, opcode, masked, payload, says }) => {
    const data = Buffer.from(payload, 'latin1');
    const length = says ?? data.length;
    const size = length < 126 ? Buffer.from([length]) : Buffer.alloc(length < 65_536 ? 3 : 9);
    if (size.length === 3) size.writeUInt16BE(length, 1);
    if (size.length === 9) size.writeBigUInt64BE(BigInt(length), 1);
    if (size.length > 1) size[0] = size.length === 3 ? 126 : 127;
    size[0] = (size[0] ?? 0) | (masked ? 0x80 : 0);
    const mask = masked ? Buffer.from([0, 0, 0, 0]) : Buffer.alloc(0);
    return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | reserved | opcode]), size, mask, data]);
  });
const upgrade = (key: string, more = '') =>
  `GET /matrix/ws HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: ${key}\r\nsec-websocket-version: 13\r\n${more}\r\n`;

/** Upgrades by hand, sends the frames, and resolves when the front has closed, or has nothing more to say. */
async function attack(head: string, frames: readonly Buffer[]): Promise<void> {
  const socket = connect(front.port, '127.0.0.1').on('error', () => {});
  socket.resume();
  await once(socket, 'connect');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  // What comes before the front has agreed is no frame yet.
  const agreed = new Promise((resolve) => socket.once('data', resolve));
  socket.write(head);
  await Promise.race([agreed, closed, new Promise((resolve) => setTimeout(resolve, 300))]);
  for (const one of frames) {
    socket.write(one);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 150))]);
  socket.destroy();
}

/** A good client meanwhile. */
async function watcher(): Promise<{ state(): ClientState | null; close(): void }> {
  const socket = new WebSocket(`ws://127.0.0.1:${front.port}/matrix/ws`);
  let state: ClientState | null = null;
  socket.on('message', (data) => {
    state = receive(state, JSON.parse(String(data)) as LiveMessage).state;
  });
  await once(socket, 'open');
  return { state: () => state, close: () => socket.terminate() };
}

/** Numbered without a gap, as commits are. */
let rev = 0;
async function othersStillHear(watching: { state(): ClientState | null }): Promise<void> {
  rev += 1;
  const detail = `change ${rev}`;
  front.change(rev);
  await until(
    'the change reaches the other client',
    () => watching.state()?.checks.get('web')?.detail === detail,
  );
}

/** Mostly good, so that the frames behind it are looked at. */
const key = fc.oneof(
  { weight: 6, arbitrary: fc.constant('dGhlIHNhbXBsZSBub25jZQ==') },
  fc.constantFrom('x', '', 'a'.repeat(2_000), '\0'),
);
const extensions = fc.constantFrom(
  ...new Array<string>(8).fill(''),
  'sec-websocket-extensions: permessage-deflate\r\n',
  `sec-websocket-extensions: ${'a;'.repeat(1_000)}\r\n`,
  `sec-websocket-protocol: ${'matrix,'.repeat(500)}\r\n`,
  'sec-websocket-protocol: bearer.x\r\n',
  'origin: null\r\n',
  'host: evil\r\n',
);
const assault = fc.tuple(key, extensions, fc.array(frame, { maxLength: 12 }));

test('whatever frames a client sends, the others go on hearing every change', limit, async () => {
  const watching = await watcher();
  await unharmed(front, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(assault, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (all) => {
        await Promise.all(all.map(([word, more, frames]) => attack(upgrade(word, more), frames)));
        await othersStillHear(watching);
      }),
      runs(12),
    );
  });
  watching.close();
});

test('a flood of pings, fragments or messages ends in the client that sends it', limit, async () => {
  const watching = await watcher();
  const framed = (first: number, payload: string) =>
    Buffer.concat([Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0]), Buffer.from(payload)]);
  await unharmed(front, async () => {
    const head = upgrade('dGhlIHNhbXBsZSBub25jZQ==');
    for (const one of [
      framed(0x89, 'ping'),
      framed(0x01, 'x'.repeat(100)),
      framed(0x81, '{"type":"resync"}'),
      framed(0x00, 'x'),
    ]) {
      await attack(
        head,
        Array.from({ length: 50 }, () => Buffer.concat(new Array<Buffer>(500).fill(one))),
      );
      await othersStillHear(watching);
    }
  });
  watching.close();
});

test('a text that is no message of the protocol gets a coded error', limit, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.json(), fc.string()), { minLength: 1, maxLength: 10 }),
      async (texts) => {
        const socket = new WebSocket(`ws://127.0.0.1:${front.port}/matrix/ws`);
        const errors: string[] = [];
        let closed = false;
        socket.on('close', () => {
          closed = true;
        });
        socket.on('message', (data) => {
          const message = JSON.parse(String(data)) as { type: string; error?: { code: string } };
          if (message.type === 'error') errors.push(message.error?.code ?? '');
        });
        await once(socket, 'open');
        for (const text of texts) socket.send(text);
        await until('each text is answered', () => errors.length === texts.length || closed);
        for (const code of errors) assert.ok(Object.hasOwn(ERRORS, code), code);
        socket.terminate();
      },
    ),
    runs(10),
  );
});
