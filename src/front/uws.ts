/**
 * The only import of uWebSockets.js, so that the official source can replace the npm alias in one place
 * (`ops/adr/0002-uwebsockets.md`). The addon is loaded on demand: a system it does not support gets a sentence
 * instead of a stack trace from the dynamic linker.
 */

import type * as Uws from 'uWebSockets.js';
import { createServer } from 'node:net';
import { MatrixError, messageOf } from '../contract/errors.js';

export type {
  HttpRequest,
  HttpResponse,
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
} from 'uWebSockets.js';

/** What Matrix uses of the addon. Written out because its typings lack the flag's real name. */
export interface UwsModule
  extends Pick<typeof Uws, 'App' | 'us_listen_socket_close' | 'us_socket_local_port'> {
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
}

/**
 * Loads the native addon.
 * @throws MatrixError MX_NATIVE_UNSUPPORTED where it cannot be loaded (wrong Node.js, or glibc too old).
 */
export async function loadUws(): Promise<UwsModule> {
  try {
    const module = (await import('uWebSockets.js')) as unknown as { default: UwsModule };
    return module.default;
  } catch (error) {
    throw new MatrixError('MX_NATIVE_UNSUPPORTED', unsupportedSentence(messageOf(error)), { cause: error });
  }
}

/** One sentence that says what is missing, from what the loader said. */
export function unsupportedSentence(reason: string): string {
  const running = `Node.js ${process.versions.node} on ${process.platform} ${process.arch}`;
  const glibc = /GLIBC_(\d+\.\d+)/.exec(reason)?.[1];
  if (glibc !== undefined) {
    return `The web server's native part needs glibc ${glibc} with ${running}, and this system has an older one`;
  }
  const lines = reason.trim().split('\n');
  return `The web server's native part (uWebSockets.js) does not load with ${running}: ${lines.at(-1)}`;
}

/** How to listen: `port` 0 takes any free port. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** Several fronts on one port; otherwise a second one by mistake is refused. */
  readonly sharePort: boolean;
}

/**
 * Binds the app.
 * @returns the listen socket and its port.
 * @throws MatrixError MX_PORT_IN_USE when the address cannot be taken, saying why.
 */
export async function listen(
  uws: UwsModule,
  app: Uws.TemplatedApp,
  { host, port, sharePort }: ListenOptions,
): Promise<{ socket: Uws.us_listen_socket; port: number }> {
  const flags = sharePort ? 0 : uws.LIBUS_LISTEN_EXCLUSIVE_PORT;
  // The typings lack the form with both a host and flags; the addon has it.
  const bind = app.listen.bind(app) as unknown as (
    host: string,
    port: number,
    flags: number,
    done: (socket: Uws.us_listen_socket | false) => void,
  ) => void;
  const socket = await new Promise<Uws.us_listen_socket | false>((resolve) => {
    bind(host, port, flags, resolve);
  });
  if (socket === false) throw new MatrixError('MX_PORT_IN_USE', await refusalSentence(host, port));
  return { socket, port: uws.us_socket_local_port(socket as Uws.us_socket) };
}

/** The addon does not say why it could not bind, so the same address is tried once more in a way that does. */
function refusalSentence(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? 'another process already listens there'
          : `the system says ${error.code}`;
      resolve(`Cannot listen on ${host} port ${port}: ${reason}`);
    });
    probe.listen({ host, port, exclusive: true }, () => {
      probe.close(() => resolve(`Cannot listen on ${host} port ${port}: it was taken a moment ago`));
    });
  });
}
