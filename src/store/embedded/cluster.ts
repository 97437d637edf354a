import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncDirectory, writeSynced } from '../../config/durable.js';
import { MatrixError, messageOf } from '../../contract/errors.js';
import { type Account, isOther, spawnAs } from './account.js';
import type { Binaries } from './binaries.js';
import { embeddedFailure, serverFailure } from './errors.js';
import type { Place } from './place.js';
import { isRunning, processFacts } from './processes.js';

/** Name of the superuser; Matrix itself connects as the ordinary role `matrix`. Both have the same password. */
export const SUPERUSER = 'postgres';

const LOCALE = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];

/** The only environment the server gets: nothing of Matrix's secrets, no PG* variable of the user's shell. */
export const SERVER_ENV = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/**
 * Makes the cluster unless it is there; true when it was made now. It is made in a sibling and renamed when
 * it is complete and on the disk, so a home that exists is a whole one, whatever was killed when.
 * Throws MX_EMBEDDED_FAILED for another major version, or for something that is not a cluster.
 */
export async function ensureCluster(place: Place, binaries: Binaries): Promise<boolean> {
  const { home, data } = place.paths;
  const version = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version !== undefined) {
    checkVersion(version.trim(), binaries, data);
    return false;
  }
  if ((await readdir(home).catch(() => [])).length > 0) {
    throw new MatrixError(
      'MX_EMBEDDED_FAILED',
      `${home} is not empty and holds no complete database (${join(data, 'PG_VERSION')} is missing or unreadable). ` +
        'Restore a backup, or move that directory away to begin with an empty database.',
    );
  }
  await removeLeftovers(home);
  const staging = `${home}.init-${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    await buildCluster(staging, place.account, binaries);
    await rename(staging, home);
    await syncDirectory(dirname(home));
  } catch (error) {
    await rm(staging, { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined);
    // Where there is no start lock, another Matrix may have been first.
    if ((error as NodeJS.ErrnoException).code === 'ENOTEMPTY') return false;
    throw embeddedFailure(`make the database in ${home}`, error);
  }
  return true;
}

function checkVersion(found: string, { major, version }: Binaries, data: string): void {
  if (found === major) return;
  throw new MatrixError(
    'MX_EMBEDDED_FAILED',
    `The database in ${data} was made by PostgreSQL ${found}, and this Matrix brings PostgreSQL ${version}. ` +
      `Use the Matrix version that brings PostgreSQL ${found}, or dump the data with it and load the dump into a ` +
      'new data directory; or set MATRIX_DATABASE_URL.',
  );
}

/** Removes what starts that were cut off left behind: their processes are gone, or were threads of ours. */
async function removeLeftovers(home: string): Promise<void> {
  const prefix = `${basename(home)}.init-`;
  for (const name of await readdir(dirname(home))) {
    const pid = name.startsWith(prefix)
      ? /^(\d+)-[0-9a-f]{8}$/.exec(name.slice(prefix.length))?.[1]
      : undefined;
    if (pid === undefined) continue;
    const maker = processFacts(Number(pid));
    if (maker !== undefined && maker.pid !== process.pid && isRunning(maker)) continue;
    await rm(join(dirname(home), name), { recursive: true, force: true, maxRetries: 5 });
  }
}

async function buildCluster(staging: string, account: Account, binaries: Binaries): Promise<void> {
  await mkdir(staging, { mode: 0o700 });
  if (isOther(account)) await chown(staging, account.uid, account.gid);
  const password = join(staging, 'password');
  await writeSynced(password, `${randomBytes(24).toString('base64url')}\n`, {
    mode: 0o600,
    ...(isOther(account) ? { owner: account } : {}),
  });
  const options = [...LOCALE, '--auth=scram-sha-256', `--pwfile=${password}`, '--no-instructions'];
  // Given, so that initdb does not start servers to find out what the machine can do.
  const given = ['-c', 'max_connections=40', '-c', 'shared_buffers=64MB', '-c', 'timezone=UTC'];
  await runInitdb(binaries, ['-D', join(staging, 'data'), '-U', SUPERUSER, ...options, ...given], account);
  await syncDirectory(staging);
}

async function runInitdb(binaries: Binaries, args: string[], account: Account): Promise<void> {
  const program = join(binaries.native, 'bin', 'initdb');
  // A group of its own: Ctrl-C of a terminal would interrupt it, when it is for Matrix to end in order.
  const initdb = spawn(program, args, {
    env: SERVER_ENV,
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...spawnAs(account),
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    initdb[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] = (said[stream] + text).slice(-2000);
    });
  }
  await new Promise<void>((resolve, reject) => {
    initdb.once('error', (error) => reject(cannotRun(program, error)));
    initdb.once('close', (code) => {
      if (code === 0) resolve();
      else reject(serverFailure('PostgreSQL cannot make its database', said.stderr || said.stdout));
    });
  });
}

/** The error for a program that could not even be started. */
export function cannotRun(program: string, error: unknown): MatrixError {
  const reason = messageOf(error);
  return new MatrixError('MX_EMBEDDED_UNAVAILABLE', `${program} cannot be run on this system: ${reason}.`, {
    cause: error,
  });
}

/** Writes `text` to a file that is either absent or whole. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const temporary = `${file}.new`;
  await rm(temporary, { force: true });
  await writeSynced(temporary, text, { mode: 0o644 });
  await rename(temporary, file);
  await syncDirectory(dirname(file));
}
