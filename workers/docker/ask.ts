/**
 * One question to an engine, its answer read within bounds. The driver itself would gather whatever comes: an
 * answer without end, or one of four million empty lists, would take the whole thread's memory, and with it the
 * watching of every other engine.
 */
import type { IncomingMessage } from 'node:http';
import { addAbortSignal } from 'node:stream';
import type Docker from 'dockerode';
import { LIMITS } from '../../src/contract/limits.js';

/** Room for most answers; it doubles as need be. */
const FIRST_ROOM = 16 * 1024;

/** The engine answered with another status than 200. */
export class EngineRefusal extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, said: string) {
    super(`(HTTP code ${statusCode}) ${said}`.trim());
    this.statusCode = statusCode;
  }
}

/** The driver's own way to ask, which its types leave out. */
type Dial = (
  request: {
    readonly path: string;
    readonly method: 'GET';
    readonly options: object;
    readonly abortSignal: AbortSignal;
    readonly isStream: true;
    readonly statusCodes: Readonly<Record<number, boolean>>;
  },
  done: (error: unknown, response: IncomingMessage) => void,
) => void;

/** Every status is an answer to the driver, so that reading its words stays within the bounds here. */
const EVERY_STATUS = Object.fromEntries(Array.from({ length: 1000 }, (_, status) => [status, true]));

/**
 * The JSON value that the engine answers to a GET of `path`, with `query` behind it.
 * @throws EngineRefusal for another status than 200, the reason of `signal` when it aborts, or an error that says
 * what is wrong with the answer.
 */
export async function ask(
  docker: Docker,
  path: string,
  query: object,
  signal: AbortSignal,
): Promise<unknown> {
  const response = await settle(signal, dial(docker, path, query, signal));
  // Its reader may be gone when an error comes: that must not end the thread.
  addAbortSignal(
    signal,
    response.on('error', () => {}),
  );
  const status = response.statusCode ?? 0;
  const maxBytes = (status === 200 ? LIMITS.engine_answer : LIMITS.engine_refusal).value;
  const body = await settle(signal, read(response, maxBytes));
  if (status !== 200) throw new EngineRefusal(status, refusalOf(body));
  if (countValues(body) > LIMITS.engine_values.value)
    throw new Error('the answer has more values than any list needs');
  return parse(body);
}

function dial(docker: Docker, path: string, query: object, signal: AbortSignal): Promise<IncomingMessage> {
  const modem = docker.modem as { dial: Dial };
  return new Promise((resolve, reject) => {
    modem.dial(
      {
        path: `${path}?`,
        method: 'GET',
        options: query,
        abortSignal: signal,
        isStream: true,
        statusCodes: EVERY_STATUS,
      },
      (error, response) => (error == null ? resolve(response) : reject(error)),
    );
  });
}

/**
 * The whole body. Copied together at once: an answer in pieces of one byte would hold a hundred times its size, and
 * keep the thread busy with nothing else.
 */
function read(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let held = Buffer.allocUnsafe(FIRST_ROOM);
    let sizeBytes = 0;
    let pieces = 0;
    const refuse = (why: string) => {
      reject(new Error(why));
      response.destroy();
    };
    response.on('data', (piece: Buffer) => {
      pieces += 1;
      if (sizeBytes + piece.length > maxBytes) return refuse(`the answer is larger than ${maxBytes} bytes`);
      if (pieces > LIMITS.engine_pieces.value)
        return refuse('the answer comes in more pieces than its size needs');
      while (sizeBytes + piece.length > held.length) held = Buffer.concat([held], held.length * 2);
      sizeBytes += piece.copy(held, sizeBytes);
    });
    response.on('end', () => resolve(held.subarray(0, sizeBytes)));
    response.on('error', reject);
    response.on('close', () => reject(new Error('the answer broke off')));
    if (response.destroyed) reject(new Error('the answer broke off'));
  });
}

/** At least as many as there are: each value but the first follows a comma or an opening bracket. */
function countValues(json: Buffer): number {
  let count = 1;
  for (const byte of json) {
    if (byte === 0x2c || byte === 0x5b || byte === 0x7b) count += 1;
  }
  return count;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new Error('the answer is not JSON');
  }
}

/** `{"message": "…"}` is how an engine refuses. */
function refusalOf(body: Buffer): string {
  try {
    const said = property(JSON.parse(body.toString()), 'message');
    return typeof said === 'string' ? said : '';
  } catch {
    return '';
  }
}

/** A field of whatever came; undefined where there is none. */
export function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/**
 * The answer, or a rejection as soon as the signal aborts. The signal given to the driver closes the connection,
 * but its promise stays open for ever when an answer breaks off after the headers.
 */
function settle<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
