/** A whole Matrix, as `matrix serve` runs it, in a directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/config/paths.js';

export interface Served {
  readonly pid: number;
  /** Ends it as a terminal would, and waits until it has ended. */
  stop(): Promise<void>;
}

/** A directory below the system's one for temporary files that a database account can enter too. */
export function emptyDirectory(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'matrix-bench-serve-'));
  chmodSync(path, 0o755);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts it in `directory`, on `config` if given, and on nothing of this process's own MATRIX_ variables. */
export function serve(directory: string, env: Readonly<Record<string, string>>, config?: string): Served {
  if (config !== undefined) writeFileSync(join(directory, 'matrix.toml'), config);
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('MATRIX_'));
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, 'ops', 'matrix.mjs'), 'serve'], {
    cwd: directory,
    env: {
      ...Object.fromEntries(own),
      MATRIX_DATA_DIR: join(directory, 'data'),
      MATRIX_LOG_LEVEL: 'warn',
      ...env,
    },
    // Its warnings are for whoever looks into a run that failed; standard output may be the bench's JSON.
    stdio: ['ignore', process.env['MATRIX_BENCH_VERBOSE'] === undefined ? 'ignore' : 2, 2],
  });
  return { pid: child.pid ?? 0, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
