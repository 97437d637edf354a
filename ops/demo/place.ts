/** The demo's own place on this machine: a temporary directory, the certificates in it, a port, and their end. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { embeddedPaths } from '../../src/store/embedded/index.js';
import type { Certificate } from './targets.js';

const run = promisify(execFile);

/** Makes the directory. As root, PostgreSQL runs as another user, who must be able to pass through. */
export async function makePlace(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'matrix-demo-'));
  await chmod(directory, 0o755);
  return directory;
}

/** Removes it with everything that Matrix kept, also the database where it had to live elsewhere. */
export async function removePlace(directory: string): Promise<void> {
  const { home } = embeddedPaths(join(directory, 'data'));
  for (const path of [home, directory]) await rm(path, { recursive: true, force: true, maxRetries: 5 });
}

/**
 * Makes a key and a certificate that it signs itself, for 127.0.0.1.
 * @throws when the `openssl` command is missing, saying so.
 */
export async function makeCertificate(directory: string, name: string, days: number): Promise<Certificate> {
  const [key, cert] = [join(directory, `${name}-key.pem`), join(directory, `${name}.pem`)];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];
  const who = ['-subj', `/CN=matrix demo ${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  try {
    await run('openssl', ['req', '-x509', ...kind, ...who, '-days', `${days}`, '-keyout', key, '-out', cert]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error('the command `openssl` is missing (Debian: apt-get install openssl)');
  }
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
}

/** The first of these ports that is free on loopback; 0 is always free and gives one that is. */
export async function freePort(wanted: readonly number[]): Promise<number> {
  for (const port of [...wanted, 0]) {
    const free = await tryPort(port);
    if (free !== undefined) return free;
  }
  throw new Error('this machine has no free port');
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}
