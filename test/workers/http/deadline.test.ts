/** The deadline must end every phase, and leave nothing behind: a monitor that leaks sockets dies of its targets. */
import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { test } from 'node:test';
import { probe } from '../../../workers/http/probe.js';
import { type HttpTarget, spec } from '../../../workers/http/spec.js';
import { checkOnce, probeContext } from '../../support/probing.js';
import * as servers from '../../support/servers.js';
import { until } from '../../support/wait.js';

const DEADLINE_MS = 150;

async function checkUntilDeadline(opening: Promise<servers.TestServer>, fields: Partial<HttpTarget> = {}) {
  const server = await opening;
  const url = fields.url?.replace('PORT', String(server.port)) ?? server.origin;
  const finding = await checkOnce({ spec, probe }, { ...fields, url }, probeContext(DEADLINE_MS));
  // Fails if the check kept its socket.
  await server.drained();
  await server.close();
  assert.deepEqual([finding.verdict, finding.code], ['fail', 'timeout']);
  assert.match(finding.detail, /^no answer from 127\.0\.0\.1:\d+ within 0\.15 s, still waiting for /);
  return { detail: finding.detail, connections: server.connections() };
}

test('a server that accepts and says nothing', async () => {
  const { detail, connections } = await checkUntilDeadline(servers.silentServer());
  assert.match(detail, /the response headers$/);
  assert.equal(connections, 1);
});

test('a TLS handshake that never ends', async () => {
  const { detail } = await checkUntilDeadline(servers.silentServer(), { url: 'https://127.0.0.1:PORT/' });
  assert.match(detail, /the TLS handshake$/);
});

test('headers, and never the body', async () => {
  const opening = servers.httpServer((_request, response) => response.writeHead(200).flushHeaders());
  assert.match((await checkUntilDeadline(opening)).detail, /the response body$/);
});

test('headers that drip', async () => {
  const opening = servers.tcpServer((socket) => drip(socket, 'HTTP/1.1 200 OK\r\nx-slow: ', 'y'));
  assert.match((await checkUntilDeadline(opening)).detail, /the response headers$/);
});

test('a body that drips', async () => {
  const opening = servers.tcpServer((socket) => drip(socket, 'HTTP/1.1 200 OK\r\n\r\n', 'y'));
  const { detail, connections } = await checkUntilDeadline(opening, { expect_body: 'never' });
  assert.match(detail, /the response body$/);
  assert.equal(connections, 1);
});

test('the deadline covers all redirects together, not each', async () => {
  const opening = servers.httpServer((request, response) => {
    const redirect = () => response.writeHead(302, { location: '/slow' }).end();
    if (request.url === '/') setTimeout(redirect, DEADLINE_MS / 3);
  });
  assert.match((await checkUntilDeadline(opening)).detail, /the response headers$/);
});

test('what needs no body does not wait for it', async () => {
  const server = await servers.httpServer((_request, response) => response.writeHead(500).flushHeaders());
  const alive = await checkOnce({ spec, probe }, { url: server.origin, alive_only: true });
  assert.equal(alive.verdict, 'pass');
  assert.equal((await checkOnce({ spec, probe }, { url: server.origin })).detail, 'status 500, expected 2xx');
  await server.drained();
  await server.close();
});

test('a check cut off by a stopping Matrix does not call the target down', async () => {
  const server = await servers.silentServer();
  const stopping = new AbortController();
  const pending = checkOnce({ spec, probe }, { url: server.origin }, probeContext(30_000, stopping.signal));
  while (server.connections() === 0) await new Promise(setImmediate);
  stopping.abort();
  const finding = await pending;
  assert.deepEqual([finding.verdict, finding.code], ['unknown', 'cancelled']);
  const late = await checkOnce(
    { spec, probe },
    { url: server.origin },
    probeContext(30_000, stopping.signal),
  );
  assert.equal(late.code, 'cancelled');
  await server.drained();
  assert.equal(server.connections(), 1);
  await server.close();
});

test('checks leave no timer, no socket and no listener on the signal', async () => {
  const server = await servers.httpServer((_request, response) => response.end('ok'));
  const signal = new AbortController().signal;
  setMaxListeners(100, signal);
  const check = () => checkOnce({ spec, probe }, { url: server.origin }, probeContext(30_000, signal));
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...args);
  };
  await check();
  await server.drained();
  const timersBefore = held('Timeout');
  await Promise.all(Array.from({ length: 50 }, check));
  await server.drained();
  assert.equal(listeners, 0);
  // The server sees the end a little before the client's own handle is gone.
  await until('no socket is left', () => held('TCPSocketWrap') === 0);
  assert.equal(held('Timeout'), timersBefore);
  await server.close();
});

/** Handles of one kind that keep this process busy. */
function held(kind: string): number {
  return process.getActiveResourcesInfo().filter((each) => each === kind).length;
}

/** Goes on writing, a little at a time, for as long as somebody listens. */
function drip(socket: import('node:net').Socket, head: string, byte: string): void {
  socket.write(head);
  const timer = setInterval(() => socket.write(byte), 5);
  socket.once('close', () => clearInterval(timer));
}
