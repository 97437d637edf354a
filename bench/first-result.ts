import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { findBinaries } from '../src/store/embedded/binaries.js';
import { embeddedPaths } from '../src/store/embedded/index.js';
import type { Bench } from './harness/bench.js';
import { databaseAccount } from './shared/account.js';
import { freePort, untilAnswers } from './shared/poll.js';
import { emptyDirectory, serve } from './shared/serve.js';
import { type Start, startsSide } from './shared/starts.js';

const WITHIN_MS = 60_000;

export const bench: Bench = {
  name: 'first-result',
  title: 'Start in an empty directory → first result on the embedded database',
  group: 'restart',
  unit: 'start',
  compare: 'time',
  goal: { plusMs: 1500 },
  peer: 'initdb, postgres, first query (CPU without initdb)',
  ours: async (context) => startsSide(context, matrix),
  bare: async (context) => startsSide(context, postgres),
};

async function matrix(): Promise<Start> {
  const directory = emptyDirectory();
  const port = await freePort();
  let served: ReturnType<typeof serve> | null = null;
  return {
    run: async () => {
      served = serve(directory.path, { MATRIX_PORT: String(port) });
      await untilAnswers(port, '/api/status', WITHIN_MS, (_status, body) => /"checked_at":"/.test(body));
    },
    count: (meter) => {
      meter.add('matrix', served?.pid ?? 0);
      // It is nobody's child, so that it outlives a Matrix that crashes.
      const { data } = embeddedPaths(join(directory.path, 'data'));
      meter.add('postgres', Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]));
    },
    close: async () => {
      await served?.stop();
      directory.remove();
    },
  };
}

async function postgres(): Promise<Start> {
  const directory = emptyDirectory();
  const account = databaseAccount();
  const { native } = await findBinaries();
  const home = join(directory.path, 'home');
  mkdirSync(home, { mode: 0o700 });
  if (account !== null) chownSync(home, account.uid, account.gid);
  const options = { ...account, cwd: '/' };
  const data = join(home, 'data');
  let server: ChildProcess | null = null;
  return {
    run: async () => {
      await promisify(execFile)(
        join(native, 'bin', 'initdb'),
        ['-D', data, '-U', 'postgres', '-A', 'trust'],
        options,
      );
      const flags = ['listen_addresses=', `unix_socket_directories=${home}`].flatMap((flag) => ['-c', flag]);
      server = spawn(join(native, 'bin', 'postgres'), ['-D', data, ...flags], {
        ...options,
        stdio: 'ignore',
      });
      await firstQuery(`postgresql://postgres@/postgres?host=${home}`);
    },
    count: (meter) => meter.add('postgres', server?.pid ?? 0),
    close: async () => {
      const exited = server === null ? null : once(server, 'exit');
      if (server?.kill('SIGINT')) await exited;
      directory.remove();
    },
  };
}

async function firstQuery(connectionString: string): Promise<void> {
  const end = performance.now() + WITHIN_MS;
  while (performance.now() < end) {
    const client = new pg.Client({ connectionString });
    try {
      await client.connect();
      await client.query('SELECT 1');
      await client.end();
      return;
    } catch {
      await sleep(5);
    }
  }
  throw new Error(`PostgreSQL did not answer within ${WITHIN_MS} ms`);
}
