import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { messageOf } from '../contract/errors.js';
import { PACKAGE_ROOT } from './paths.js';
import { ConfigError, envProblem } from './problem.js';

/**
 * Where data lives when nothing says so: `.matrix` in a checkout or in development, so that trying Matrix leaves
 * nothing behind elsewhere; else the XDG data directory (XDG Base Directory Specification 0.8: a relative
 * XDG_DATA_HOME is to be ignored).
 */
export function defaultDataDir(env: Readonly<Record<string, string | undefined>>, cwd: string): string {
  if (cwd === PACKAGE_ROOT || env['NODE_ENV'] === 'development') return join(cwd, '.matrix');
  const xdg = env['XDG_DATA_HOME'];
  const home = env['HOME'] === undefined || env['HOME'] === '' ? homedir() : env['HOME'];
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(home, '.local', 'share');
  return join(base, 'matrix');
}

/**
 * Makes the data directory, readable by its owner only. Made by root it lets other accounts pass through, for the
 * embedded PostgreSQL must run as one of them; what is in it is closed by itself. One that exists keeps its
 * permissions.
 * @throws MX_CONFIG_INVALID when it cannot be made, is no directory or cannot be written
 */
export async function prepareDataDir(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    if (!(await stat(dir)).isDirectory()) throw new Error('it is no directory');
    await access(dir, constants.W_OK | constants.X_OK);
  } catch (error) {
    const message = `expected a directory that can be written, came ${dir}: ${messageOf(error)}`;
    throw new ConfigError([envProblem('MATRIX_DATA_DIR', message)]);
  }
}
