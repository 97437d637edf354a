/** When this machine is at fault, or its resolver, a target must not be called down for it, nor checks pile up. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Finding } from '../../../src/contract/result.js';

interface Report {
  readonly http: Finding;
  readonly disk?: Finding;
  readonly httpAfter?: Finding;
  readonly diskAfter?: Finding;
  readonly codes?: readonly string[];
  readonly questions?: number;
}

const CHILD = fileURLToPath(new URL('./starved-child.js', import.meta.url));
const refusal = namespaceRefusal();
const needsNamespaces = refusal === undefined ? {} : { skip: refusal };

/** Ephemeral ports of the cases that run out of them. */
const PORT_RANGES: Readonly<Record<string, string>> = { ports: '61000 61003', many: '55000 60999' };

function namespaceRefusal(): string | undefined {
  try {
    execFileSync('unshare', ['--net', '--mount', 'true'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `no namespaces can be made here (needs root): ${String(error)}`;
  }
}

async function report(command: string, args: readonly string[]): Promise<Report> {
  const { stdout } = await promisify(execFile)(command, args, { timeout: 60_000, killSignal: 'SIGKILL' });
  return JSON.parse(stdout) as Report;
}

/** Runs a case where loopback is the whole network and 127.0.0.1 the only name server. */
async function inNamespace(name: string): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), 'matrix-starved-'));
  const resolver = join(directory, 'resolv.conf');
  const script = [
    'set -e',
    'ip link set lo up',
    `mount --bind '${resolver}' "$(readlink -f /etc/resolv.conf)"`,
    `echo ${PORT_RANGES[name] ?? '32768 60999'} > /proc/sys/net/ipv4/ip_local_port_range`,
    'echo 0 > /proc/sys/net/ipv4/tcp_tw_reuse',
    `exec '${process.execPath}' '${CHILD}' ${name}`,
  ].join('\n');
  try {
    await writeFile(resolver, 'nameserver 127.0.0.1\noptions timeout:2 attempts:1\n');
    return await report('unshare', ['--net', '--mount', 'sh', '-c', script]);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test('without a free file descriptor nothing is called down, and checks go on when there are some', async () => {
  const script = `ulimit -n 256; exec '${process.execPath}' '${CHILD}' files`;
  const { http, disk, httpAfter, diskAfter } = await report('sh', ['-c', script]);
  assert.deepEqual([http.verdict, http.code], ['unknown', 'local_exhausted']);
  assert.match(http.detail, /this machine ran out of resources \(EMFILE\)/);
  assert.deepEqual([disk?.verdict, disk?.code], ['unknown', 'local_exhausted']);
  assert.deepEqual([httpAfter?.verdict, diskAfter?.verdict], ['pass', 'pass']);
});

test('without a free port nothing is called down', needsNamespaces, async () => {
  const { http } = await inNamespace('ports');
  assert.deepEqual([http.verdict, http.code], ['unknown', 'local_exhausted'], http.detail);
});

test('checks of one target do not use up the ports, however many they are', needsNamespaces, async () => {
  const { http } = await inNamespace('many');
  assert.equal(http.verdict, 'pass', http.detail);
});

test('no route to the host is said so', needsNamespaces, async () => {
  const { http } = await inNamespace('route');
  assert.deepEqual([http.verdict, http.code], ['fail', 'connect_unreachable']);
  assert.equal(http.detail, 'no route to 192.0.2.1 (ENETUNREACH)');
});

test('a name that does not exist is told from a resolver that fails', needsNamespaces, async () => {
  const absent = await inNamespace('nxdomain');
  assert.deepEqual([absent.http.verdict, absent.http.code], ['fail', 'dns_nxdomain']);
  assert.equal(absent.http.detail, 'the name of app.example.org does not exist or has no address');
  const failing = await inNamespace('servfail');
  assert.deepEqual([failing.http.verdict, failing.http.code], ['fail', 'dns_failed']);
});

test(
  'with a dead resolver checks end at their deadline, and one question stands for all',
  needsNamespaces,
  async () => {
    const { http, codes, questions } = await inNamespace('silent');
    assert.deepEqual(codes, ['timeout']);
    assert.equal(
      http.detail,
      'no answer from app.example.org within 0.4 s, still waiting for the name to be resolved',
    );
    // One for A and one for AAAA, however many checks wait.
    assert.ok(questions !== undefined && questions <= 2, `${questions} questions`);
  },
);
