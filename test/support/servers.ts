/** Real local servers for tests: each listens on a free port of 127.0.0.1 and is closed with everything on it. */
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { CertificatePair } from './certificates.js';

const DRAIN_MS = 20_000;

export interface TestServer {
  readonly port: number;
  /** `http://127.0.0.1:port`, or `https://`. */
  readonly origin: string;
  /** Sockets that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  /** Connections accepted so far. */
  connections(): number;
  /** Resolves once no socket is open; rejects when that does not come to be within 20 s. */
  drained(): Promise<void>;
  close(): Promise<void>;
}

/** A server that the test answers for, request by request. Port 0 takes a free one. */
export function httpServer(listener: RequestListener, host = '127.0.0.1', port = 0): Promise<TestServer> {
  return listen(createHttpServer(listener), 'http', host, port);
}

/** The same over TLS. */
export function httpsServer(certificate: CertificatePair, listener: RequestListener): Promise<TestServer> {
  return listen(createHttpsServer({ key: certificate.key, cert: certificate.cert }, listener), 'https');
}

/** A server below HTTP: the test writes bytes, resets, or says nothing. */
export function tcpServer(onSocket: (socket: Socket) => void): Promise<TestServer> {
  return listen(createTcpServer(onSocket), 'http');
}

/** Accepts and never says a word. */
export function silentServer(): Promise<TestServer> {
  return tcpServer((socket) => socket.resume());
}

/** Answers every request with these bytes, then closes. */
export function bytesServer(bytes: string): Promise<TestServer> {
  return tcpServer((socket) => socket.once('data', () => socket.end(bytes)));
}

/** Resets every connection as soon as a request comes. */
export function resettingServer(): Promise<TestServer> {
  return tcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
}

/** A port on which nothing listens: taken, then given back. */
export async function closedPort(): Promise<number> {
  const server = await silentServer();
  await server.close();
  return server.port;
}

async function listen(server: Server, scheme: string, host = '127.0.0.1', port = 0): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    // Clients of these servers break off on purpose.
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) server.emit('drained');
    });
  });
  server.on('tlsClientError', () => {});
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the test server has no port');
  return {
    port: address.port,
    origin: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    sockets,
    connections: () => connections,
    async drained() {
      if (sockets.size > 0) await once(server, 'drained', { signal: AbortSignal.timeout(DRAIN_MS) });
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
