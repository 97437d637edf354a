import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probe } from '../../../workers/http/probe.js';
import { spec } from '../../../workers/http/spec.js';
import { checkOnce } from '../../support/probing.js';
import * as servers from '../../support/servers.js';

const check = (url: string, fields = {}) => checkOnce({ spec, probe }, { url, ...fields });

/** Checks a server once and closes it. */
async function checkServer(opening: Promise<servers.TestServer>, fields = {}) {
  const server = await opening;
  try {
    return { server, finding: await check(server.origin, fields) };
  } finally {
    await server.drained();
    await server.close();
  }
}

test('nothing listens: refused', async () => {
  const port = await servers.closedPort();
  const finding = await check(`http://127.0.0.1:${port}/`);
  assert.deepEqual([finding.verdict, finding.code], ['fail', 'connect_refused']);
  assert.equal(finding.detail, `127.0.0.1:${port} refused the connection: nothing listens there`);
});

test('a name with several addresses, none of which listens, is refused too', async () => {
  const port = await servers.closedPort();
  assert.equal((await check(`http://localhost:${port}/`)).code, 'connect_refused');
});

test('a reset is told from a close', async () => {
  const reset = await checkServer(servers.resettingServer());
  assert.deepEqual([reset.finding.verdict, reset.finding.code], ['fail', 'connect_reset']);
  const closed = await checkServer(servers.bytesServer(''));
  assert.deepEqual([closed.finding.verdict, closed.finding.code], ['fail', 'connection_closed']);
  assert.match(closed.finding.detail, /closed the connection while Matrix waited for the response headers/);
});

test('something that does not speak HTTP is said to speak no HTTP', async () => {
  for (const bytes of [
    'SSH-2.0-OpenSSH_9.2p1\r\n',
    'HTTP/1.1 abc\r\n\r\n',
    'HTTP/9.9 200 OK\r\n\r\n',
    '\0\u0001\u0002garbage',
  ]) {
    const { finding } = await checkServer(servers.bytesServer(bytes));
    assert.deepEqual([finding.verdict, finding.code], ['fail', 'protocol_error'], JSON.stringify(bytes));
  }
});

test('an answer that HTTP does not allow here is no answer, even for alive_only', async () => {
  const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';
  for (const bytes of [upgrade, 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n']) {
    const { finding } = await checkServer(servers.bytesServer(bytes), { alive_only: true });
    assert.deepEqual([finding.verdict, finding.code], ['fail', 'protocol_error'], bytes);
  }
});

test('a body cut short fails', async () => {
  const short = await checkServer(servers.bytesServer('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'));
  assert.equal(short.finding.verdict, 'fail');
  const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel';
  assert.equal((await checkServer(servers.bytesServer(chunked))).finding.verdict, 'fail');
});

test('a response that ends with the connection is complete', async () => {
  const bytes = 'HTTP/1.0 200 OK\r\n\r\nold but whole';
  assert.equal(
    (await checkServer(servers.bytesServer(bytes), { expect_body: 'whole' })).finding.verdict,
    'pass',
  );
});

test('headers without end are cut off', async () => {
  const { finding } = await checkServer(
    servers.tcpServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const more = () => {
        while (socket.writable && socket.write(`x-filler: ${'y'.repeat(1000)}\r\n`));
      };
      socket.on('drain', more);
      more();
    }),
  );
  assert.deepEqual([finding.verdict, finding.code], ['fail', 'protocol_error']);
});

test('a body without end costs 64 kB and no more', async () => {
  const { server, finding } = await checkServer(
    servers.httpServer((_request, response) => {
      const more = () => {
        while (response.writable && response.write('z'.repeat(16_384)));
      };
      response.on('drain', more);
      more();
    }),
  );
  assert.equal(finding.verdict, 'pass');
  assert.equal(server.sockets.size, 0);
});
