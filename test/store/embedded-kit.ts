import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import pg from 'pg';
import {
  type Embedded,
  type EmbeddedLog,
  embeddedPaths,
  startEmbedded,
} from '../../src/store/embedded/index.js';
import { findHolder } from '../../src/store/embedded/lock-file.js';
import { isRunning, serversOf, signal } from '../../src/store/embedded/processes.js';
import { waitUntil } from '../../src/store/embedded/wait.js';

export const isRoot = process.getuid?.() === 0;

/** A log that keeps what it was told. */
export function memoryLog(): EmbeddedLog & { readonly lines: string[] } {
  const lines: string[] = [];
  const note = (_: object, message: string): void => void lines.push(message);
  return { lines, info: note, warn: note, error: note };
}

/**
 * A fresh directory that every account can pass through, and the name of a data directory below it. After the
 * test all is removed: the directory, and the server of the data directory with whatever it keeps elsewhere.
 */
export function scratch(t: TestContext, dataName = 'data'): { dir: string; dataDir: string } {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'mx-embedded-')));
  chmodSync(dir, 0o755);
  const dataDir = join(dir, dataName);
  t.after(() => removeAll(dir, dataDir));
  return { dir, dataDir };
}

async function removeAll(dir: string, dataDir: string): Promise<void> {
  const paths = embeddedPaths(dataDir);
  await killServer(paths.data);
  // What a test that failed left frozen would stay for ever.
  for (const left of existsSync(paths.data) ? await serversOf(paths.data) : []) signal(left, 'SIGKILL');
  if (!paths.home.startsWith(dir)) {
    rmSync(paths.home, { recursive: true, force: true });
    await rmdir(dirname(paths.home)).catch(() => undefined); // another database may be there
  }
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}

async function killServer(data: string): Promise<void> {
  const holder = existsSync(data) ? findHolder(data) : { state: 'none' as const };
  if (holder.state !== 'server') return;
  signal(holder.identity, 'SIGQUIT');
  if (!(await waitUntil(() => !isRunning(holder.identity), 10_000))) signal(holder.identity, 'SIGKILL');
}

export async function start(dataDir: string, log: EmbeddedLog = memoryLog()): Promise<Embedded> {
  return startEmbedded({ dataDir, log });
}

/** Runs statements one after the other on one connection; answers the rows of the last. */
export async function query(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

/** A Node process that starts the database in `dataDir`, says `{pid, url}` on a line, and stays until killed. */
export interface Starter {
  readonly child: ChildProcess;
  /** What it said; rejects with its standard error when it ends without saying anything. */
  readonly ready: Promise<{ pid: number; url: string }>;
  kill(): Promise<void>;
}

export interface StarterOptions {
  readonly as?: { readonly uid: number; readonly gid: number };
  /** Command that runs node, e.g. in a namespace of its own. */
  readonly prefix?: readonly string[];
  /** Where the compiled tree is; default: this one. */
  readonly dist?: string;
}

export const DIST = realpathSync(new URL('../..', import.meta.url).pathname);

const SCRIPT = `
  const { startEmbedded } = await import(process.argv[1] + '/src/store/embedded/index.js');
  const say = (fields, message) => console.error(message);
  const { pid, url } = await startEmbedded({ dataDir: process.argv[2], log: { info: say, warn: say, error: say } });
  console.log(JSON.stringify({ pid, url }));
`;

export function starter(t: TestContext, dataDir: string, options: StarterOptions = {}): Starter {
  const node = [process.execPath, '--input-type=module', '-e', SCRIPT, options.dist ?? DIST, dataDir];
  const [program = '', ...args] = [...(options.prefix ?? []), ...node];
  const child = spawn(program, args, { cwd: '/', stdio: ['pipe', 'pipe', 'pipe'], ...options.as });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<{ pid: number; url: string }>((resolve, reject) => {
    lines.once('line', (line) => resolve(JSON.parse(line) as { pid: number; url: string }));
    child.once('error', reject);
    void closed.then(() => reject(new Error(`the starter ended: ${stderr}`)));
  });
  ready.catch(() => undefined);
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
  };
  t.after(kill);
  return { child, ready, kill };
}

/** Ids of an account that tests may become; undefined when it does not exist or we may not. */
export function accountIds(name: string): { uid: number; gid: number } | undefined {
  if (!isRoot) return undefined;
  try {
    const id = (flag: string): number =>
      Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}
