/** A whole Matrix in a process of its own, started as a user starts it, with a port and a directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from './wait.js';

export const SECRET = 'a-long-enough-secret-for-tests-0123456789abcdef';

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly event?: string;
  readonly [field: string]: unknown;
}

export interface TestMatrix {
  readonly base: string;
  readonly port: number;
  readonly directory: string;
  readonly log: LogLine[];
  readonly process: ChildProcess;
  /** Body of a GET, parsed; undefined while nothing listens. */
  get(path: string): Promise<{ status: number; body: unknown } | undefined>;
  /** Pid of the front's process. */
  frontPid(): Promise<number>;
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
}

export interface StartOptions {
  /** Content of matrix.toml. */
  readonly config: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Directory of an earlier run, to start on the same data. */
  readonly directory?: string;
  readonly port?: number;
  /** Wraps the command, such as `ip netns exec NAME`. */
  readonly wrap?: readonly string[];
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Starts it and resolves when `/health` answers. */
export async function startMatrix(options: StartOptions): Promise<TestMatrix> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'mx-app-'));
  // The embedded PostgreSQL of a test run by root runs as another user, who must get through to its data.
  chmodSync(directory, 0o711);
  const port = options.port ?? (await freePort());
  writeFileSync(join(directory, 'matrix.toml'), options.config);
  const entry = fileURLToPath(new URL('./serve.js', import.meta.url));
  const [command = process.execPath, ...args] = [...(options.wrap ?? []), process.execPath, entry];
  const child = spawn(command, args, {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      HOME: directory,
      MATRIX_DATA_DIR: join(directory, 'data'),
      MATRIX_PORT: String(port),
      MATRIX_JWT_SECRET: SECRET,
      MATRIX_LOG_FORMAT: 'json',
      ...options.env,
    },
  });
  const log: LogLine[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => log.push(JSON.parse(line) as LogLine));
  const base = `http://127.0.0.1:${port}`;
  const get: TestMatrix['get'] = async (path) => {
    try {
      const response = await fetch(`${base}${path}`, { signal: AbortSignal.timeout(3_000) });
      return { status: response.status, body: await response.json() };
    } catch {
      return undefined;
    }
  };
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = once(child, 'exit');
    child.kill(signal);
    const [code] = await exited;
    return code as number | null;
  };
  const matrix: TestMatrix = {
    base,
    port,
    directory,
    log,
    process: child,
    get,
    frontPid: async () => frontOf(child.pid ?? 0),
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
  };
  if (options.wrap === undefined) {
    await until(
      '/health answers',
      async () => {
        if (child.exitCode !== null)
          throw new Error(`Matrix ended with ${child.exitCode}: ${JSON.stringify(log.at(-1))}`);
        return (await get('/health'))?.status === 200;
      },
      60_000,
    );
  }
  return matrix;
}

/** Removes a directory that `startMatrix` made. */
export function forget(matrix: TestMatrix): void {
  rmSync(matrix.directory, { recursive: true, force: true });
}

function frontOf(parent: number): number {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const ppid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      if (ppid === parent && command.includes('front.js')) return Number(name);
    } catch {
      // It ended while we looked.
    }
  }
  throw new Error('the front has no process');
}
