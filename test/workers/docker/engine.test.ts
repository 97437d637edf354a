import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { probe } from '../../../workers/docker/probe.js';
import { type Dockerd, startDockerd } from '../../support/dockerd.js';
import { check, context } from './context.js';

let engine: Dockerd;
let dir: string;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'matrix-engine-'));
  engine = await startDockerd();
});

after(async () => {
  await engine?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Listens on a socket in the test's directory; `answer` sees each connection once it has sent its request. */
async function listen(name: string, answer: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  });
  const path = join(dir, name);
  server.listen(path);
  await once(server, 'listening');
  return { path, sockets, server };
}

function http(status: string, body: string, length: number = Buffer.byteLength(body)): string {
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`;
}

test('a killed engine fails at once and passes again when it is back: an outage has a beginning and an end', async () => {
  await engine.run('worker');
  const target = { socket: engine.socket };
  assert.equal((await check(target)).get('local/worker')?.verdict, 'pass');
  await engine.kill();
  const down = await check(target);
  assert.equal(down.get('')?.verdict, 'fail');
  assert.equal(down.get('')?.code, 'engine_refused');
  assert.equal(down.size, 1, 'nothing is claimed about containers that nobody can see');
  await engine.restart();
  assert.equal((await check(target)).get('')?.verdict, 'pass');
});

test('an engine that accepts and never answers fails within the deadline and keeps no connection', async () => {
  const { path, sockets, server } = await listen('silent.sock', () => {});
  const finding = (await check({ socket: path }, 600)).get('');
  assert.equal(finding?.verdict, 'fail');
  assert.equal(finding?.code, 'engine_timeout');
  await Promise.all(sockets.map((socket) => socket.destroyed || once(socket, 'close')));
  assert.ok(sockets.length > 0);
  server.close();
});

test('an answer that breaks off in the middle ends within the deadline: the driver alone would wait for ever', async () => {
  const { path, server } = await listen('broken.sock', (socket) =>
    socket.end(http('200 OK', '[{"Id":', 999)),
  );
  const finding = (await check({ socket: path }, 600)).get('');
  assert.equal(finding?.verdict, 'fail');
  server.close();
});

test('a check that is called off early (Matrix stops) blames nobody', async () => {
  const { path, sockets, server } = await listen('draining.sock', () => stop.abort());
  const stop = new AbortController();
  const [finding] = await probe({ name: 'local', socket: path }, context(30_000, stop.signal));
  assert.equal(finding?.verdict, 'unknown');
  assert.equal(finding?.code, 'cancelled');
  await Promise.all(sockets.map((socket) => socket.destroyed || once(socket, 'close')));
  server.close();
});

test('something else than Docker, and an engine that answers with errors, fail as such', async () => {
  const other = await listen('other.sock', (socket) => socket.end(http('200 OK', 'hello')));
  assert.equal((await check({ socket: other.path })).get('')?.code, 'engine_error');
  other.server.close();
  const ill = await listen('ill.sock', (socket) =>
    socket.end(http('500 Oops', '{"message":"no space left"}')),
  );
  const finding = (await check({ socket: ill.path })).get('');
  assert.equal(finding?.code, 'engine_error');
  assert.match(finding?.detail ?? '', /no space left/);
  ill.server.close();
});

test('a missing socket, a socket nobody serves and a refused port are told apart: each has another remedy', async () => {
  assert.equal((await check({ socket: join(dir, 'none.sock') })).get('')?.code, 'engine_missing');
  writeFileSync(join(dir, 'file.sock'), '');
  assert.equal((await check({ socket: join(dir, 'file.sock') })).get('')?.code, 'engine_refused');
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const address = closed.address();
  assert.ok(typeof address === 'object' && address !== null);
  closed.close();
  await once(closed, 'close');
  assert.equal((await check({ host: '127.0.0.1', port: address.port })).get('')?.code, 'engine_refused');
});

test('a socket that Matrix’s user may not use says so: the commonest mistake of a first installation', async () => {
  const { path, server } = await listen('private.sock', () => {});
  chmodSync(path, 0o600);
  chmodSync(dir, 0o755);
  assert.ok(process.seteuid !== undefined);
  process.seteuid(65534);
  try {
    const finding = (await check({ socket: path })).get('');
    assert.equal(finding?.verdict, 'fail');
    assert.equal(finding?.code, 'engine_permission');
  } finally {
    process.seteuid(0);
    server.close();
  }
});
