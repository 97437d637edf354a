/** Talks REST to the running server. */

import type { ErrorBody } from '../../schema/wire.js';
import { MatrixError, messageOf } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';
import type { Role } from '../front/auth.js';
import type { Io } from './command.js';

const DEFAULT_PORT = 3910;
const TIMEOUT_MS = 15_000;

export interface Request {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below `/matrix/api`, with its query. */
  readonly path: string;
  readonly body?: object;
  /** Least role that may ask for this, for whoever has no token. */
  readonly role: Role;
  /** Gives the question up. */
  readonly signal?: AbortSignal;
}

/** The server refused, or there is none; with what to do next. */
export class AskError extends Error {
  readonly next: string;

  constructor(message: string, next: string) {
    super(message);
    this.next = next;
  }
}

/** Where the server is: `MATRIX_URL`, or this machine at `MATRIX_PORT`. */
export function serverUrl(env: Io['env']): string {
  const url = env['MATRIX_URL'] || `http://127.0.0.1:${env['MATRIX_PORT'] || DEFAULT_PORT}`;
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new MatrixError('MX_CONFIG_INVALID', `MATRIX_URL is not an http(s) URL: ${url}`);
  }
  return url.replace(/\/+$/, '');
}

/**
 * Asks the server.
 * @throws AskError when it refuses, when nobody answers, or somebody else does.
 */
export async function ask(env: Io['env'], request: Request): Promise<unknown> {
  const base = serverUrl(env);
  const token = env['MATRIX_TOKEN'];
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(`${base}/matrix/api${request.path}`, {
      method: request.method,
      headers: {
        accept: 'application/json',
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(request.signal ? [request.signal] : [])]),
    });
    text = await textOf(answer);
  } catch (error) {
    throw unreachable(base, reasonOf(error));
  }
  const value = parse(text);
  if (value === undefined) throw unreachable(base, `status ${answer.status} and no JSON: that is not Matrix`);
  if (answer.ok) return value;
  if (isErrorBody(value)) {
    const { message, next, code, request_id: id } = value.error;
    throw new AskError(
      `${message} (${code}, request_id ${id})`,
      hintFor(answer.status, request.role, token) ?? next,
    );
  }
  throw unreachable(base, `status ${answer.status}: that is not Matrix`);
}

/** The whole body, if it is one that a Matrix would send: whoever else listens there may never end. */
async function textOf(answer: Response): Promise<string> {
  const { value: limitBytes } = LIMITS.cli_answer;
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > limitBytes) throw new Error(`the answer is larger than ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** `fetch` hides the reason one level down. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError')
    return `no answer within ${TIMEOUT_MS / 1000} s`;
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}

function unreachable(base: string, reason: string): AskError {
  const next =
    'Start it with `matrix serve`, or say where it is with MATRIX_URL. If its process runs, its front is being restarted: wait some seconds.';
  return new AskError(`Cannot reach Matrix at ${base}: ${reason}`, next);
}

/** The server speaks of HTTP headers; here the token comes from the environment. */
function hintFor(status: number, role: Role, token: string | undefined): string | undefined {
  if (status !== 401) return undefined;
  const how = `export MATRIX_TOKEN=$(matrix token --role ${role})`;
  return token ? `Get a new one: ${how}` : how;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isErrorBody(value: unknown): value is ErrorBody {
  const error = (value as { error?: unknown } | null)?.error as Partial<ErrorBody['error']> | undefined;
  return typeof error?.message === 'string' && typeof error.next === 'string';
}
