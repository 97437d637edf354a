/** What a hostile server says, as data: the bytes, how they are paced, and how the connection ends. */
import type { Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';

export interface Plan {
  readonly label: string;
  readonly bytes: Buffer;
  /** Repeated after `bytes` for as long as anybody reads. */
  readonly endless?: Buffer;
  /** Whether a probe may call this answer good; `unread`: only one that does not read the body. */
  readonly mayPass: boolean | 'unread';
}

export interface Answering extends Plan {
  /** Bytes at once; null: all. */
  readonly chunk: number | null;
  /** Between chunks, in ms. */
  readonly everyMs: number;
  readonly end: 'fin' | 'reset' | 'hold' | 'half';
  readonly speaksFirst: boolean;
  /** Where the bytes break off, as a share of them. */
  readonly cutAt: number;
}

/** The server's own bound, far beyond what a probe may read. */
const ENDLESS_BYTES = 512 * 1024 * 1024;
const OK = 'HTTP/1.1 200 OK\r\n';

const plan = (
  label: string,
  text: string | Buffer,
  mayPass: Plan['mayPass'] = false,
  endless?: string,
): Plan => ({
  label,
  bytes: typeof text === 'string' ? Buffer.from(text, 'latin1') : text,
  mayPass,
  ...(endless === undefined ? {} : { endless: Buffer.from(endless, 'latin1') }),
});

const zeros = Buffer.alloc(64 * 1024 * 1024);
const bombs = {
  gzip: gzipSync(zeros),
  deflate: deflateSync(zeros),
  br: brotliCompressSync(zeros.subarray(0, 16 << 20)),
};
const bomb = (encoding: string, body: Buffer): Plan => {
  const head = `${OK}content-encoding: ${encoding}\r\ncontent-length: ${body.length}\r\n\r\n`;
  return plan(`${encoding} bomb`, Buffer.concat([Buffer.from(head), body]), true);
};

/** Each of these was a bug somewhere. */
export const CATALOGUE: readonly Plan[] = [
  bomb('gzip', bombs.gzip),
  bomb('gzip, gzip', gzipSync(bombs.gzip)),
  bomb('deflate', bombs.deflate),
  bomb('br', bombs.br),
  plan(
    'endless chunked body',
    `${OK}transfer-encoding: chunked\r\n\r\n`,
    true,
    `4000\r\n${'z'.repeat(16_384)}\r\n`,
  ),
  plan('endless tiny chunks', `${OK}transfer-encoding: chunked\r\n\r\n`, true, '1\r\nz\r\n'.repeat(1000)),
  plan('endless chunk extension', `${OK}transfer-encoding: chunked\r\n\r\n1;`, 'unread', 'x'.repeat(16_384)),
  plan(
    'endless trailers',
    `${OK}transfer-encoding: chunked\r\n\r\n0\r\n`,
    'unread',
    'x-trailer: y\r\n'.repeat(100),
  ),
  plan('endless raw body', `${OK}\r\n`, true, 'z'.repeat(16_384)),
  plan('endless headers', OK, false, `x-filler: ${'y'.repeat(1000)}\r\n`),
  plan('endless status line', 'HTTP/1.1 200 ', false, 'O'.repeat(16_384)),
  plan('endless informational answers', '', false, 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(100)),
  plan('a header of 1 MB', `${OK}x: ${'y'.repeat(1 << 20)}\r\n\r\n`),
  plan('10,000 headers', `${OK}${'x-h: y\r\n'.repeat(10_000)}\r\n`),
  plan('10 MB of JSON', `${OK}content-length: ${10 << 20}\r\n\r\n${'[{"a":'.padEnd(10 << 20, '[')}`, true),
  plan('length shorter than the body', `${OK}content-length: 3\r\n\r\nabcdefgh`, true),
  plan('length longer than the body', `${OK}content-length: 300\r\n\r\nabc`, 'unread'),
  plan('length negative', `${OK}content-length: -1\r\n\r\nabc`),
  plan('length beyond all numbers', `${OK}content-length: ${'9'.repeat(40)}\r\n\r\nabc`),
  plan('length in hexadecimal', `${OK}content-length: 0x10\r\n\r\nabc`),
  plan('two lengths', `${OK}content-length: 3\r\ncontent-length: 4\r\n\r\nabcd`),
  plan(
    'length and chunked',
    `${OK}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    true,
  ),
  plan(
    'chunk size beyond all numbers',
    `${OK}transfer-encoding: chunked\r\n\r\n${'f'.repeat(40)}\r\nabc`,
    'unread',
  ),
  plan('NUL in a header', `${OK}x: a\0b\r\ncontent-length: 0\r\n\r\n`),
  plan('binary in a header', `${OK}x\x80\xff: \x01\x7f\xfe\r\ncontent-length: 0\r\n\r\n`, true),
  plan('a bare line feed', 'HTTP/1.1 200 OK\nx: y\n\nabc', true),
  plan('a folded header', `${OK}x: a\r\n b\r\ncontent-length: 0\r\n\r\n`, true),
  plan('binary in the reason', 'HTTP/1.1 200 \x80\0\x07\x1b[31m\r\ncontent-length: 0\r\n\r\n', true),
  plan('HTTP/0.9', '<html>hello</html>'),
  plan('an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04\0\0\0\0\0'),
  plan('HTTP/2 in plain', '\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\x10\0\0'),
  plan(
    '101 nobody asked for',
    'HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n\x81\x05hello',
  ),
  plan('200 and upgrade', `${OK}upgrade: h2c\r\nconnection: upgrade\r\n\r\nhello`, true),
  plan('a second answer', `${OK}content-length: 2\r\n\r\nok${OK}content-length: 3\r\n\r\nbad`, true),
  plan(
    'a second answer that is none',
    `${OK}content-length: 2\r\n\r\nok\0\x01\x02${'garbage'.repeat(100)}`,
    true,
  ),
  plan('204 with a body', 'HTTP/1.1 204 None\r\ncontent-length: 5\r\n\r\nhello', true),
  plan('304', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n', true),
  plan('100, then 200', `HTTP/1.1 100 Continue\r\n\r\n${OK}content-length: 0\r\n\r\n`),
  plan(
    '103 many times, then 200',
    `${'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n'.repeat(50)}${OK}\r\n`,
    true,
  ),
  plan('a greeting of SMTP', '220 mail.example.org ESMTP\r\n'),
  plan('nothing', ''),
];

const status = fc.oneof(
  fc.constantFrom('000', '999', '100', '199', '0', '-1', '2e2', '99999999', '', '\0\0\0'),
  fc.integer({ min: 100, max: 999 }).map(String),
);
const binary = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const header = fc.tuple(
  fc.oneof(
    fc.constantFrom(
      'content-length',
      'transfer-encoding',
      'connection',
      'content-encoding',
      'location',
      'upgrade',
    ),
    binary(12),
  ),
  fc.oneof(fc.constantFrom('chunked', '5', 'close', 'keep-alive', 'gzip', 'h2c', '//', ' '), binary(40)),
);

/** Answers that look like HTTP, more or less. */
const composed = fc
  .tuple(
    fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2', 'HTTP/1.1 '),
    status,
    binary(20),
    fc.array(header, { maxLength: 6 }),
    binary(200),
  )
  .map(([version, code, reason, headers, body]) => {
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    return plan('composed', `${version} ${code} ${reason}\r\n${lines}\r\n${body}`, true);
  });
const garbage = fc.uint8Array({ maxLength: 3000 }).map((bytes) => plan('garbage', Buffer.from(bytes)));

/** Any plan with any pace and any end. */
export const answering: fc.Arbitrary<Answering> = fc
  .record({
    plan: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...CATALOGUE) }, composed, garbage),
    chunk: fc.constantFrom(null, null, null, 1, 7, 1000),
    everyMs: fc.constantFrom(0, 0, 100),
    end: fc.constantFrom('fin', 'reset', 'hold', 'half'),
    speaksFirst: fc.boolean(),
    cutAt: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })),
  })
  .map(({ plan: what, ...how }) => {
    const whole: Answering = { ...what, ...how };
    return Object.assign(whole, { [fc.toStringMethod]: () => described(whole) });
  });

/** `endless trailers, 7 bytes every 100 ms, reset, cut at 0.31`, with the bytes where the label does not tell them. */
export function described({ label, bytes, chunk, everyMs, end, speaksFirst, cutAt }: Answering): string {
  const pace = chunk === null ? 'at once' : `${chunk} bytes every ${everyMs} ms`;
  const known = CATALOGUE.some((one) => one.label === label);
  const shown = known ? '' : ` ${JSON.stringify(bytes.toString('latin1').slice(0, 400))}`;
  return `${label}, ${pace}, ${end}, cut at ${cutAt}${speaksFirst ? ', unasked' : ''}${shown}`;
}

/** Plays a plan to whoever connected. */
export function play(socket: Socket, how: Answering): void {
  socket.on('error', () => {});
  const begin = () => void write(socket, how);
  if (how.speaksFirst) {
    socket.resume();
    begin();
  } else {
    socket.once('data', begin);
  }
}

async function write(socket: Socket, how: Answering): Promise<void> {
  const { chunk, everyMs, endless, end } = how;
  const bytes = how.bytes.subarray(0, Math.ceil(how.bytes.length * how.cutAt));
  const step = chunk ?? Math.max(1, bytes.length);
  for (let at = 0; at < bytes.length && socket.writable; at += step) {
    await written(socket, bytes.subarray(at, at + step));
    if (chunk !== null) await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  for (
    let sent = 0;
    endless !== undefined && sent < ENDLESS_BYTES && socket.writable;
    sent += endless.length
  ) {
    await written(socket, endless);
  }
  if (end === 'fin') socket.end();
  // A Unix socket knows no reset.
  else if (end === 'reset') socket.remotePort === undefined ? socket.destroy() : socket.resetAndDestroy();
  else if (end === 'half') socket.end(() => socket.resume());
}

/** Resolves when the socket has room again, or is gone. */
function written(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (!socket.writable || socket.write(bytes)) setImmediate(resolve);
    else {
      const go = () => {
        socket.off('drain', go).off('close', go);
        resolve();
      };
      socket.on('drain', go).on('close', go);
    }
  });
}
