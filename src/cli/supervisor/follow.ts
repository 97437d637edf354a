/** The process tree as the server pushes it, for as long as somebody looks: a lost connection is made again. */
import type { WebSocket } from 'undici';
import type { NodeState } from '../../contract/tree.js';
import { getSupervisor } from '../../front/operations/get-supervisor.js';
import { type ClientMessage, LIVE_PATH, type LiveMessage } from '../../snapshot/client.js';
import { AskError, ask, type Request, serverUrl } from '../client.js';
import type { Io } from '../command.js';

export const TREE_REQUEST: Request = {
  method: 'GET',
  path: getSupervisor.rest.path,
  role: getSupervisor.scope,
};

/** A tree, and when it was true. */
export interface TreeReport {
  readonly tree: NodeState;
  /** When the supervisor reported it, epoch ms by the server's clock. */
  readonly at: number;
  /** The same moment by this process's monotonic clock, in ms. */
  readonly sinceMs: number;
  /** When the server told of it, by the same clock: later than `sinceMs` by the age that it had. */
  readonly heardMs: number;
}

/** Why there is no connection, what to do about it, and when the next try is (monotonic, ms). */
export interface Lost {
  readonly reason: string;
  readonly next: string;
  readonly retryAtMs: number;
}

export interface FollowOptions {
  readonly env: Io['env'];
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly onTree: (report: TreeReport) => void;
  readonly onLost: (lost: Lost) => void;
}

/** The server repeats itself every few seconds: one that says nothing for this long is gone, in ms. */
const SILENCE_MS = 30_000;
/** Also the longest that leaving may take, where nothing answers at all, in ms. */
const CONNECT_MS = 5_000;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5_000;

/** Follows the tree until `signal` aborts. Never rejects: whatever goes wrong is told and tried again. */
export async function followTree({ env, signal, onTree, onLost }: FollowOptions): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const said = await connection(env, signal, (report) => {
      failures = 0;
      onTree(report);
    });
    if (signal.aborted) return;
    const why = failures === 0 ? { reason: said, next: '' } : await whyNot(env, said, signal);
    const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
    // Jitter, so that a restarted server is not met by all its viewers at once.
    const waitMs = longest * (0.5 + Math.random() / 2);
    failures += 1;
    onLost({ ...why, retryAtMs: performance.now() + waitMs });
    await pause(waitMs, signal);
  }
}

/** One connection. Resolves with why it ended. */
async function connection(
  env: Io['env'],
  signal: AbortSignal,
  onTree: (report: TreeReport) => void,
): Promise<string> {
  const { socket, cut } = await openSocket(env);
  const say = (message: ClientMessage): void => socket.send(JSON.stringify(message));
  return new Promise((resolve) => {
    let silence: NodeJS.Timeout | undefined;
    const end = (reason: string): void => {
      clearTimeout(silence);
      signal.removeEventListener('abort', abort);
      resolve(reason);
      cut();
    };
    const abort = (): void => end('left');
    const heard = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => end(`nothing heard for ${SILENCE_MS / 1000} s`), SILENCE_MS);
    };
    heard();
    signal.addEventListener('abort', abort);
    socket.addEventListener('open', () => {
      say({ type: 'unsubscribe', topic: 'live' });
      say({ type: 'subscribe', topic: 'supervisor' });
    });
    socket.addEventListener('message', ({ data }) => {
      heard();
      const message = parse(String(data));
      if (message === null) end('that is not Matrix');
      else if (message.type === 'error') end(message.error.message);
      else if (message.type === 'tree') onTree(reportOf(message.tree, message.at, message.age_ms));
    });
    socket.addEventListener('close', ({ reason }) => end(reason || 'the connection was lost'));
    // It says nothing of use; `close` follows.
    socket.addEventListener('error', () => undefined);
  });
}

/** `cut` ends it at once: a server that hangs would never answer a polite goodbye, and hold this process. */
async function openSocket(env: Io['env']): Promise<{ socket: WebSocket; cut: () => void }> {
  // Only this command needs it.
  const undici = await import('undici');
  const token = env['MATRIX_TOKEN'];
  const url = serverUrl(env).replace(/^http/, 'ws') + LIVE_PATH;
  const connector = undici.buildConnector({ timeout: CONNECT_MS });
  let cut = (): void => undefined;
  const dispatcher = new undici.Agent({
    connect: (options, done) =>
      connector(options, (...made) => {
        cut = () => made[1]?.destroy();
        done(...made);
      }),
  });
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  return { socket: new undici.WebSocket(url, { dispatcher, headers }), cut: () => cut() };
}

/** A report that is `ageMs` old now. */
export function reportOf(tree: NodeState, at: string, ageMs: number): TreeReport {
  const heardMs = performance.now();
  return { tree, at: Date.parse(at), sinceMs: heardMs - ageMs, heardMs };
}

/** A WebSocket that is refused does not say why; the same question over REST does. */
async function whyNot(
  env: Io['env'],
  said: string,
  signal: AbortSignal,
): Promise<Pick<Lost, 'reason' | 'next'>> {
  try {
    await ask(env, { ...TREE_REQUEST, signal });
    return { reason: said, next: '' };
  } catch (error) {
    return error instanceof AskError
      ? { reason: error.message, next: error.next }
      : { reason: said, next: '' };
  }
}

function parse(text: string): LiveMessage | null {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === 'object' && message !== null ? (message as LiveMessage) : null;
  } catch {
    return null;
  }
}

function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
    signal.addEventListener('abort', done);
  });
}
