import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Dockerd, startDockerd } from '../../support/dockerd.js';
import { check } from './context.js';

let engine: Dockerd;
let dir: string;
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const at = (file: string) => join(dir, file);

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'matrix-engine-tls-'));
  makeAuthority('ca');
  makeAuthority('stranger');
  sign('server', 'subjectAltName=IP:127.0.0.1');
  sign('client', 'extendedKeyUsage=clientAuth');
  engine = await startDockerd({ tcp: { ca: at('ca.pem'), cert: at('server.pem'), key: at('server.key') } });
});

after(async () => {
  await engine?.close();
  rmSync(dir, { recursive: true, force: true });
});

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
}

function makeAuthority(name: string): void {
  openssl(
    'req',
    '-x509',
    ...NEW_KEY,
    '-subj',
    `/CN=${name}`,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.pem`,
  );
}

function sign(name: string, extension: string): void {
  openssl('req', '-new', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
  writeFileSync(at(`${name}.ext`), extension);
  const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
  openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-extfile', `${name}.ext`, '-out', `${name}.pem`);
}

function target(ca: string, client: 'client' | undefined) {
  const identity =
    client === undefined ? {} : { cert_file: at(`${client}.pem`), key_file: at(`${client}.key`) };
  assert.ok(engine.port !== undefined);
  return { host: '127.0.0.1', port: engine.port, ca_file: at(ca), ...identity };
}

test('a remote engine behind mutual TLS is watched with the files that the docker command uses', async () => {
  await engine.run('worker');
  const findings = await check(target('ca.pem', 'client'));
  assert.equal(findings.get('')?.verdict, 'pass', findings.get('')?.detail);
  assert.equal(findings.get('local/worker')?.verdict, 'pass');
});

test('an engine whose certificate is not of the configured authority fails: it may be somebody else', async () => {
  assert.equal((await check(target('stranger.pem', 'client'))).get('')?.code, 'engine_tls');
});

test('a missing client certificate is named as a TLS fault, not as a dead engine', async () => {
  assert.equal((await check(target('ca.pem', undefined))).get('')?.code, 'engine_tls');
});

test('a TLS file that cannot be read is Matrix’s own problem: the engine is not called down', async () => {
  const finding = (await check(target('nowhere.pem', 'client'))).get('');
  assert.equal(finding?.verdict, 'unknown');
  assert.equal(finding?.code, 'engine_config');
  assert.match(finding?.detail ?? '', /nowhere\.pem/);
});
