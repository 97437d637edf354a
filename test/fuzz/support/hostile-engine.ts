/** A Docker engine on a Unix socket that answers whatever the test says, to each of the calls of a check. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createNetServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { type Answering, play } from './hostile-http.js';

/** The bodies by call; `status` is that of all. */
export interface EngineSays {
  readonly status: number;
  readonly version: string;
  readonly list: string;
  readonly inspect: string;
}

export interface Engine {
  readonly socket: string;
  close(): Promise<void>;
}

/** Speaks HTTP as it should; only the bodies are odd. */
export async function jsonEngine(socket: string, says: EngineSays): Promise<Engine> {
  const server = createServer((request, response) => {
    const call = request.url ?? '';
    const body = call.includes('/version')
      ? says.version
      : /\/[^/]+\/json/.test(call.slice(11))
        ? says.inspect
        : says.list;
    response.writeHead(says.status, { 'content-type': 'application/json' }).end(body);
  });
  server.listen(socket);
  await once(server, 'listening');
  return {
    socket,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Does not even speak HTTP. */
export async function rawEngine(socket: string, how: Answering): Promise<Engine> {
  const open = new Set<Socket>();
  const server = createNetServer((client) => {
    open.add(client.once('close', () => open.delete(client)));
    play(client, how);
  });
  server.listen(socket);
  await once(server, 'listening');
  return {
    socket,
    close: async () => {
      for (const client of open) client.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const odd = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1e308, '', '\0', '\u001b[31m', '\ud800', [], {}, [[]], [null]),
  fc.constantFrom<unknown>({ toString: 1, valueOf: 1 }, { length: 5 }, { message: {} }, 'x'.repeat(70_000)),
  fc.jsonValue({ maxDepth: 3 }),
);
const name = fc.oneof(
  fc.constantFrom(
    '/web',
    '/matrix-front',
    '/web/alias',
    '',
    '/',
    '/\0',
    '/a\nb\u001b[2J',
    '/\u202eevil',
    `/${'n'.repeat(5_000)}`,
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
);

/** Each field as it should be, or anything. */
const mostly = <T>(good: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 4, arbitrary: good }, odd);
const container = fc.record(
  {
    Id: mostly(fc.constantFrom('a'.repeat(64), 'b'.repeat(64), '../../version', 'x y', '')),
    Names: mostly(fc.array(name, { maxLength: 3 })),
    Image: mostly(fc.string()),
    State: mostly(fc.constantFrom('running', 'paused', 'restarting', 'exited')),
  },
  { requiredKeys: [] },
);
const inspection = fc.record({
  State: mostly(
    fc.record({
      Health: mostly(
        fc.record({
          Log: mostly(
            fc.array(mostly(fc.record({ Output: mostly(fc.string()), ExitCode: odd })), { maxLength: 3 }),
          ),
        }),
      ),
    }),
  ),
});

/** Anything from an honest engine to none at all. */
export const engineSays: fc.Arbitrary<EngineSays> = fc
  .record({
    status: fc.constantFrom(200, 200, 200, 200, 204, 302, 400, 401, 404, 500, 503),
    version: mostly(fc.record({ Version: mostly(fc.constant('28.2.2')) })),
    list: mostly(fc.array(mostly(container), { maxLength: 6 })),
    inspect: mostly(inspection),
    garbled: fc.constantFrom(null, null, null, 0.1, 0.5, 0.99),
  })
  .map(({ status, garbled, ...values }) => {
    const text = (value: unknown): string => {
      const json = JSON.stringify(value) ?? '';
      return garbled === null ? json : json.slice(0, Math.floor(json.length * garbled));
    };
    return { status, version: text(values.version), list: text(values.list), inspect: text(values.inspect) };
  });
