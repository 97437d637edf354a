import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Finding } from '../../../src/contract/result.js';
import { probe } from '../../../workers/http/probe.js';
import { type HttpTarget, spec } from '../../../workers/http/spec.js';
import { type CertificatePair, makeAuthority, makeCertificate } from '../../support/certificates.js';
import { checkOnce } from '../../support/probing.js';
import { bytesServer, httpServer, httpsServer, type TestServer } from '../../support/servers.js';

const authority = makeAuthority();
const requests: string[] = [];
const open: TestServer[] = [];
after(() => Promise.all(open.map((server) => server.close())));

async function serverWith(certificate: CertificatePair): Promise<TestServer> {
  const server = await httpsServer(certificate, (request, response) => {
    requests.push(request.url ?? '');
    response.end('secure');
  });
  open.push(server);
  return server;
}

const check = (url: string, fields: Partial<HttpTarget> = {}) =>
  checkOnce({ spec, probe }, { url, ...fields });

/** Checks in a process that trusts the test's own authority, as an operator sets it up: NODE_EXTRA_CA_CERTS. */
async function checkTrusting(url: string, fields: Partial<HttpTarget> = {}): Promise<Finding> {
  const directory = await mkdtemp(join(tmpdir(), 'matrix-trust-'));
  const roots = join(directory, 'roots.pem');
  await writeFile(roots, authority.cert);
  const child = fileURLToPath(new URL('../shared/check-child.js', import.meta.url));
  try {
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: roots };
    const target = JSON.stringify({ url, ...fields });
    const { stdout } = await promisify(execFile)(process.execPath, [child, 'http', target], { env });
    return JSON.parse(stdout) as Finding;
  } finally {
    await rm(directory, { recursive: true });
  }
}

test('a valid certificate passes, with the days that it has left', async () => {
  const server = await serverWith(makeCertificate({ issuer: authority, endsInDays: 60.5 }));
  const finding = await checkTrusting(`https://localhost:${server.port}/`);
  assert.equal(finding.verdict, 'pass', finding.detail);
  const days = finding.measurements?.find(({ name }) => name === 'certificate_days');
  assert.deepEqual([days?.value, days?.unit], [60, 'days']);
  assert.equal(finding.facts?.['tls_version'], 'TLSv1.3');
  assert.match(String(finding.facts?.['certificate_expires']), /^\d{4}-\d\d-\d\dT/);
  const byAddress = await checkTrusting(`${server.origin}/`);
  assert.equal(byAddress.verdict, 'pass', byAddress.detail);
});

test('a certificate about to end warns where asked to, and passes otherwise', async () => {
  const server = await serverWith(makeCertificate({ issuer: authority, endsInDays: 5.5 }));
  const url = `https://localhost:${server.port}/`;
  const warned = await checkTrusting(url, { certificate_warn_days: 14 });
  assert.deepEqual([warned.verdict, warned.code], ['warn', 'tls_expiring']);
  assert.match(warned.detail, /^status 200, but the certificate expires in 5 days, on \d{4}-\d\d-\d\d$/);
  assert.equal((await checkTrusting(url)).verdict, 'pass');
  assert.equal((await checkTrusting(url, { certificate_warn_days: 5 })).verdict, 'pass');
});

test('an expired certificate fails with the day it ended, and sends no request', async () => {
  const server = await serverWith(makeCertificate({ issuer: authority, endsInDays: -3 }));
  const before = requests.length;
  const finding = await checkTrusting(`https://localhost:${server.port}/`);
  assert.deepEqual([finding.verdict, finding.code], ['fail', 'tls_expired']);
  const day = new Date(Date.now() - 3 * 86_400_000).toISOString().slice(0, 10);
  assert.equal(finding.detail, `the certificate of localhost:${server.port} expired on ${day}`);
  assert.equal(requests.length, before);
});

test('a self-signed expired certificate is reported as expired: that is what changed', async () => {
  const server = await serverWith(makeCertificate({ endsInDays: -3 }));
  assert.equal((await check(server.origin)).code, 'tls_expired');
});

test('a certificate of the future, of another name, or of nobody known each has its own code', async () => {
  const future = await serverWith(makeCertificate({ issuer: authority, beginsInDays: 2 }));
  assert.equal((await checkTrusting(future.origin)).code, 'tls_not_yet_valid');
  const other = await serverWith(
    makeCertificate({ issuer: authority, names: 'DNS:other.example,IP:192.0.2.1' }),
  );
  const mismatch = await checkTrusting(`https://localhost:${other.port}/`);
  assert.equal(mismatch.code, 'tls_hostname');
  assert.match(mismatch.detail, /is for other names: other\.example, 192\.0\.2\.1$/);
  const unknown = await serverWith(makeCertificate({ issuer: authority }));
  const untrusted = await check(unknown.origin);
  assert.deepEqual([untrusted.verdict, untrusted.code], ['fail', 'tls_untrusted']);
});

test('a self-signed certificate fails, sends no request, and passes with verify_tls = false', async () => {
  const server = await serverWith(makeCertificate());
  const before = requests.length;
  const finding = await check(server.origin);
  assert.deepEqual([finding.verdict, finding.code], ['fail', 'tls_self_signed']);
  assert.equal(requests.length, before);
  await server.drained();
  const lenient = await check(server.origin, { verify_tls: false, expect_body: 'secure' });
  assert.equal(lenient.verdict, 'pass');
  assert.ok(lenient.measurements?.some(({ name }) => name === 'certificate_days'));
  assert.equal(requests.length, before + 1);
});

test('alive_only does not overlook a certificate', async () => {
  const server = await serverWith(makeCertificate());
  assert.equal((await check(server.origin, { alive_only: true })).code, 'tls_self_signed');
});

test('https to a port that speaks no TLS says so', async () => {
  const plain = await httpServer((_request, response) => response.end());
  const finding = await check(`https://127.0.0.1:${plain.port}/`);
  assert.deepEqual([finding.verdict, finding.code], ['fail', 'tls_failed']);
  assert.match(finding.detail, /the port does not speak TLS/);
  await plain.close();
  const closing = await bytesServer('');
  const closed = await check(`https://127.0.0.1:${closing.port}/`);
  assert.equal(closed.verdict, 'fail');
  assert.match(closed.detail, /the TLS handshake/);
  await closing.close();
});

test('http to a port that speaks TLS fails', async () => {
  const server = await serverWith(makeCertificate());
  const finding = await check(`http://127.0.0.1:${server.port}/`);
  assert.equal(finding.verdict, 'fail');
  assert.match(finding.code ?? '', /^(protocol_error|connection_closed|connect_reset)$/);
  await server.drained();
});
