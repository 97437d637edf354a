/**
 * A real PostgreSQL server of the test's own, from Debian's package: the "external database" of the tests.
 * Runs in a temporary directory on a Unix socket only, as the `postgres` user when the test is root.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

export interface TestPostgres {
  /** Connection string of a fresh, empty database. */
  readonly url: string;
  readonly pid: number;
  query(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** SIGKILL to the postmaster; its children end with it. */
  kill(): Promise<void>;
  /** Starts it again on the same data after `kill`. */
  start(): Promise<void>;
  signal(name: NodeJS.Signals): void;
  close(): Promise<void>;
}

function binaries(): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root)
    ? readdirSync(root).filter((v) => existsSync(join(root, v, 'bin/postgres')))
    : [];
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  if (newest === undefined) throw new Error('no PostgreSQL server is installed; run ops/test-deps.sh');
  return join(root, newest, 'bin');
}

function account(): { uid: number; gid: number } | Record<string, never> {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** `parent`: where its directory is made. */
export async function startPostgres(
  settings: readonly string[] = [],
  parent: string = tmpdir(),
): Promise<TestPostgres> {
  const bin = binaries();
  const owner = account();
  const directory = mkdtempSync(join(parent, 'mx-pg-'));
  if ('uid' in owner) chownSync(directory, owner.uid as number, owner.gid as number);
  const data = join(directory, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'matrix', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
    ...owner,
    stdio: 'ignore',
    cwd: directory,
  });
  const url = `postgresql://matrix@/matrix?host=${directory}`;
  let server: ChildProcess;

  const start = async (): Promise<void> => {
    const options = ['listen_addresses=', `unix_socket_directories=${directory}`, 'fsync=on', ...settings];
    server = spawn(join(bin, 'postgres'), ['-D', data, ...options.flatMap((option) => ['-c', option])], {
      ...owner,
      stdio: 'ignore',
      cwd: directory,
    });
    await untilAnswering(directory, server);
  };
  const query = async (sql: string, values: unknown[] = []) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(sql, values)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill('SIGCONT');
    server.kill(signal);
    await exited;
  };

  await start();
  const admin = new pg.Client({ connectionString: `postgresql://matrix@/postgres?host=${directory}` });
  await admin.connect();
  await admin.query('CREATE DATABASE matrix');
  await admin.end();
  return {
    url,
    get pid() {
      return server.pid ?? 0;
    },
    query,
    kill: () => end('SIGKILL'),
    start,
    signal: (name) => void server.kill(name),
    close: async () => {
      await end('SIGQUIT');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function untilAnswering(directory: string, server: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended at start with ${server.exitCode}`);
    const client = new pg.Client({ connectionString: `postgresql://matrix@/postgres?host=${directory}` });
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error('PostgreSQL did not answer within 30 s');
}
