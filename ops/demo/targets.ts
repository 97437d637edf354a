/**
 * What the demo watches: one process of servers on loopback, each with a character of its own. The demo forks it,
 * tells it the certificates, hears the ports, and it ends when the demo does, however that ends.
 */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';

/** PEM texts. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** What the demo says first. */
export interface TargetsInit {
  readonly selfSigned: Certificate;
  readonly expiring: Certificate;
}

/** Where the servers listen, all on 127.0.0.1; nothing listens at `closed`. */
export interface TargetPorts {
  readonly http: number;
  readonly selfSigned: number;
  readonly expiring: number;
  readonly closed: number;
}

const SLOW_MS = 1_500;
/** Long enough to see both states on the board, short enough to wait for the change. */
const FLAKY_MS = 20_000;

const startedAt = performance.now();
const isFlakyDown = (): boolean => Math.floor((performance.now() - startedAt) / FLAKY_MS) % 2 === 1;

const answer: RequestListener = (request, response) => {
  const end = (status: number, text: string): void => {
    response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
  };
  switch (request.url) {
    case '/slow':
      setTimeout(() => end(200, 'at last'), SLOW_MS);
      return;
    case '/flaky':
      if (isFlakyDown()) end(503, 'not now');
      else end(200, 'up again');
      return;
    case '/moved':
      response.writeHead(302, { location: '/healthy' }).end();
      return;
    case '/broken':
      end(500, 'alive, but broken');
      return;
    default:
      end(200, 'all is well');
  }
};

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port that was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  return port;
}

async function serve({ selfSigned, expiring }: TargetsInit): Promise<TargetPorts> {
  return {
    http: await listen(createServer(answer)),
    selfSigned: await listen(createTlsServer({ ...selfSigned }, answer)),
    expiring: await listen(createTlsServer({ ...expiring }, answer)),
    closed: await closedPort(),
  };
}

// Ctrl-C reaches the whole group; the targets stay until Matrix has finished its last checks of them.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.once('disconnect', () => process.exit(0));
process.once('message', (init) => {
  serve(init as TargetsInit).then(
    (ports) => process.send?.(ports),
    (error: unknown) => {
      console.error(`demo: the targets do not start: ${String(error)}`);
      process.exit(1);
    },
  );
});
