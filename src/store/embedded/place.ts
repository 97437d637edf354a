import { chmod, chown, lstat, mkdir, realpath, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MatrixError } from '../../contract/errors.js';
import { type Account, isOther, serverAccount } from './account.js';
import { type EmbeddedLog, embeddedFailure } from './errors.js';
import { type EmbeddedPaths, embeddedPaths, pathsUnder, shortHash, socketDirs } from './paths.js';

/** Where root puts a cluster whose data directory the server's account cannot reach. */
const SYSTEM_DIR = '/var/lib/matrix';

/** Where the database is or will be, and as whom it runs. */
export interface Place {
  readonly paths: EmbeddedPaths;
  readonly account: Account;
  /** Why the home is not in the data directory; the pointer file says it too. */
  readonly movedBecause?: string;
}

/** Makes the data directory if needed. As root it lets other accounts through, for the server is one of them. */
export async function ensureDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
  } catch (error) {
    throw embeddedFailure(`make the data directory ${dataDir}`, error);
  }
}

/**
 * Decides on home and account. A home that exists is never moved. Permissions of directories that are not
 * ours are never changed. Throws MX_EMBEDDED_* naming the directory that is in the way.
 */
export async function choosePlace(dataDir: string, log: EmbeddedLog): Promise<Place> {
  const paths = embeddedPaths(dataDir);
  const isRecorded = paths.home !== join(dataDir, 'postgres');
  const owner = await ownerOf(paths.home);
  if (owner === undefined && isRecorded) {
    throw new MatrixError(
      'MX_EMBEDDED_FAILED',
      `${paths.pointer} says that the database is in ${paths.home}, which is not there. Put it back, or ` +
        'delete that file to begin with an empty database.',
    );
  }
  const account = await serverAccount(owner, log);
  if (owner !== undefined && owner.uid !== account.uid) {
    throw new MatrixError(
      'MX_EMBEDDED_FAILED',
      `${paths.home} belongs to user id ${owner.uid}, but its server must run as ${account.name} ` +
        `(user id ${account.uid}). Run Matrix as its owner, or give it another MATRIX_DATA_DIR.`,
    );
  }
  // Only for a change of user: our own rights may come from more groups than the mode bits show.
  const closed = isOther(account) ? await firstClosed(dirname(paths.home), account) : undefined;
  if (closed === undefined) return { paths, account };
  if (owner !== undefined) {
    throw new MatrixError(
      'MX_EMBEDDED_FAILED',
      `The database in ${paths.home} cannot be reached by its user ${account.name}, because ${closed} is closed ` +
        'to it. Open that directory for passing through (chmod o+x).',
    );
  }
  const home = await freeHome(dataDir, log);
  const movedBecause = `PostgreSQL runs as ${account.name}, which cannot pass through ${closed}`;
  return { paths: pathsUnder(home, dataDir), account, movedBecause };
}

async function ownerOf(path: string): Promise<Account | undefined> {
  try {
    const { uid, gid } = await lstat(path);
    return { uid, gid, name: `uid ${uid}` };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw embeddedFailure(`look at ${path}`, error);
  }
}

/** A name not yet used: what is there belongs to a data directory that had this path before and was deleted. */
async function freeHome(dataDir: string, log: EmbeddedLog): Promise<string> {
  try {
    await mkdir(SYSTEM_DIR, { recursive: true });
    await chmod(SYSTEM_DIR, 0o711);
  } catch (error) {
    throw embeddedFailure(`make ${SYSTEM_DIR}`, error);
  }
  const first = join(SYSTEM_DIR, shortHash(await realpath(dataDir)));
  for (let number = 1; ; number += 1) {
    const home = number === 1 ? first : `${first}-${number}`;
    if ((await ownerOf(home)) === undefined) return home;
    log.warn(
      { home },
      `${home} is the database of a data directory that is gone; delete it if it is not needed`,
    );
  }
}

/** The first directory on the way to and including `dir` that `account` cannot pass through. */
export async function firstClosed(dir: string, account: Account): Promise<string | undefined> {
  const real = await realpath(dir).catch((error: unknown) => {
    throw embeddedFailure(`look at ${dir}`, error);
  });
  const parents = [real];
  for (let at = real; dirname(at) !== at; at = dirname(at)) parents.unshift(dirname(at));
  for (const parent of parents) {
    const { uid, gid, mode } = await stat(parent);
    // POSIX picks one class: an owner without x is refused even where others have it.
    const needed = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & needed) === 0) return parent;
  }
  return undefined;
}

/**
 * Makes the socket's directory, 0700 and owned by the account, and answers it. It is beside the data unless
 * that path is too long for a socket. Throws when somebody else holds the name (others can write in /tmp).
 */
export async function ensureSocketDir(place: Place, log: EmbeddedLog): Promise<string> {
  const { home } = place.paths;
  for (const dir of socketDirs(home)) {
    const isElsewhere = dirname(dir) !== home;
    if (
      isElsewhere &&
      isOther(place.account) &&
      (await firstClosed(dirname(dir), place.account)) !== undefined
    ) {
      continue;
    }
    const isNew = await makeOwn(dir, place.account);
    if (isElsewhere && isNew) {
      log.info({ dir }, `the path of the data is too long for a socket: the database's socket is in ${dir}`);
    }
    return dir;
  }
  throw new MatrixError(
    'MX_EMBEDDED_FAILED',
    `There is no directory for the database's socket near ${home}.`,
  );
}

async function makeOwn(dir: string, account: Account): Promise<boolean> {
  try {
    await mkdir(dir, { mode: 0o700 });
    if (isOther(account)) await chown(dir, account.uid, account.gid);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw embeddedFailure(`make ${dir}`, error);
  }
  const found = await lstat(dir);
  // A start that was cut off right after its mkdir leaves a directory of ours (root's) that was not yet given away.
  if (found.isDirectory() && found.uid === process.getuid?.() && found.uid !== account.uid) {
    await chown(dir, account.uid, account.gid);
    return false;
  }
  if (found.isDirectory() && found.uid === account.uid && (found.mode & 0o077) === 0) return false;
  throw new MatrixError(
    'MX_EMBEDDED_FAILED',
    `${dir} is not a private directory of ${account.name}; remove it.`,
  );
}

/** Removes the socket's directory where it is one for temporary files. */
export async function removeSocketDir(dir: string, home: string): Promise<void> {
  if (dirname(dir) !== home) await rmdir(dir).catch(() => undefined); // not empty: a server still uses it
}
