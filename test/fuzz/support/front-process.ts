/** A front in a process of its own (`front-child.ts`), bytes sent to it, and what every answer must be. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { ErrorBody } from '../../../schema/wire.js';
import { ERRORS } from '../../../src/contract/errors.js';
import type { FromFrontChild, ToFrontChild } from './front-child.js';

const CHILD = fileURLToPath(new URL('./front-child.js', import.meta.url));
/** Nothing said for so long is the end of the answer, in ms. */
const QUIET_MS = 400;
/** Far above what requests cost, far below what it would take to keep what was sent. */
const GROWTH_BYTES = 200 * 1024 * 1024;

export interface FrontProcess {
  readonly port: number;
  /** Commits a change of the service `web`, whose detail then tells the number. */
  change(rev: number): void;
  peakBytes(): Promise<number>;
  stop(): Promise<void>;
}

export async function startFrontProcess(): Promise<FrontProcess> {
  const child = fork(CHILD, [], { stdio: ['ignore', 2, 2, 'ipc'] });
  const gone = once(child, 'exit');
  const say = (message: ToFrontChild): boolean => child.send(message);
  const [ready] = (await once(child, 'message')) as [FromFrontChild];
  assert.ok(ready.kind === 'ready');
  return {
    port: ready.port,
    change: (rev) => void say({ kind: 'change', rev }),
    async peakBytes() {
      assert.ok(child.exitCode === null && child.signalCode === null, 'the front has ended');
      const answer = once(child, 'message');
      say({ kind: 'memory' });
      const [message] = (await answer) as [FromFrontChild];
      return message.kind === 'memory' ? message.peakBytes : 0;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await gone;
    },
  };
}

/** Does the work, then makes sure that the front lives, answers, and has not grown. */
export async function unharmed(front: FrontProcess, work: () => Promise<void>): Promise<void> {
  const before = await front.peakBytes();
  await work();
  const health = await fetch(`http://127.0.0.1:${front.port}/health`);
  assert.equal(health.status, 200);
  const grown = (await front.peakBytes()) - before;
  assert.ok(grown < GROWTH_BYTES, `the front grew by ${Math.round(grown / 1024 / 1024)} MB`);
}

/** Sends the bytes on a connection of their own and reads until the front closes or has no more to say. */
export function sendRaw(
  port: number,
  pieces: readonly Uint8Array[],
): Promise<{ text: string; closed: boolean }> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    let quiet: NodeJS.Timeout | undefined;
    const end = (closed: boolean) => {
      clearTimeout(quiet);
      socket.destroy();
      resolve({ text: Buffer.concat(chunks).toString('latin1'), closed });
    };
    const later = () => {
      clearTimeout(quiet);
      quiet = setTimeout(() => end(false), QUIET_MS);
    };
    socket.on('error', () => {}).on('close', () => end(true));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      later();
    });
    socket.on('connect', () => {
      for (const piece of pieces) socket.write(piece, later);
      later();
    });
  });
}

/** What the web server itself says to bytes that are no request; no code of Matrix sees those. */
const BY_THE_SERVER: readonly number[] = [400, 413, 414, 431, 505];

/** Holds the first answer in `said` to the contract: JSON with a known code, or what a read answers. */
export function assertAnswer(said: string, closed: boolean, input: string): number {
  const text = said.replace(/^(?:HTTP\/1\.1 100 Continue\r\n\r\n)+/, '');
  if (text === '') return 0;
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [, digits] = /^HTTP\/1\.1 (\d{3}) /.exec(head) ?? [];
  const status = Number(digits);
  const told = `${head.slice(0, 300)} for ${input}`;
  if (BY_THE_SERVER.includes(status) && closed && !/^x-request-id:/im.test(head)) return status;
  assert.ok(status >= 200 && (status < 500 || status === 503), told);
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
  if (status < 400 || length === 0) return status;
  const body = rest.join('\r\n\r\n').slice(0, length);
  // The answer to HEAD.
  if (body === '') return status;
  assert.match(head, /^content-type: application\/json/im, told);
  // MCP answers in its own way; what it may say has a test of its own.
  if (body.startsWith('{"jsonrpc"')) return status;
  const { error } = JSON.parse(Buffer.from(body, 'latin1').toString()) as ErrorBody;
  assert.ok(
    Object.hasOwn(ERRORS, error.code) && ERRORS[error.code as keyof typeof ERRORS].status === status,
    told,
  );
  assert.ok(error.message !== '' && error.request_id !== '', told);
  return status;
}
