import { MatrixError, messageOf } from '../../contract/errors.js';
import type { Binaries } from './binaries.js';
import { openDatabase } from './connect.js';
import type { EmbeddedLog } from './errors.js';
import { findHolder, type Holder, lockFilePath } from './lock-file.js';
import { ensureSocketDir, type Place } from './place.js';
import { launch, shutDown, untilReady, untilStopped } from './postmaster.js';
import { canIdentify, isProgramGone, type ProcessIdentity } from './processes.js';
import { clearSocketLock, clearStaleLock } from './stale.js';

/** More changes of state than this during one start mean that somebody works against us. */
const MAX_LOOKS = 10;

/** A server that was connected to and answers for the right directory. */
export interface Obtained {
  readonly identity: ProcessIdentity;
  readonly url: string;
  readonly socketDir: string;
}

/**
 * Gets a running server for a complete cluster: takes over the one that is there, waits for one that starts,
 * recovers or stops, and starts one otherwise. Throws MX_EMBEDDED_*.
 */
export async function obtainServer(
  place: Place,
  binaries: Binaries,
  isNew: boolean,
  log: EmbeddedLog,
): Promise<Obtained> {
  const { data } = place.paths;
  for (let look = 0; look < MAX_LOOKS; look += 1) {
    const holder = findHolder(data);
    if (holder.state === 'server') {
      const taken = await takeOver(place, holder, log);
      if (taken !== undefined) return taken;
      continue;
    }
    if (holder.state !== 'none') {
      await clearStaleLock(data, holder, log);
      if (findHolder(data).state === 'server') continue;
    }
    const started = await startNew(place, binaries, isNew, log);
    if (started !== undefined) return started;
  }
  throw new MatrixError(
    'MX_EMBEDDED_FAILED',
    `Something else keeps starting and stopping the server of ${data}.`,
  );
}

async function startNew(
  place: Place,
  binaries: Binaries,
  isNew: boolean,
  log: EmbeddedLog,
): Promise<Obtained | undefined> {
  const socketDir = await ensureSocketDir(place, log);
  clearSocketLock(socketDir, place.paths.data);
  const identity = await launch(place, binaries, socketDir, log);
  if (identity === undefined) return undefined;
  try {
    const url = await openDatabase(place.paths, socketDir, isNew);
    log.info(
      { pid: identity.pid, data: place.paths.data, user: place.account.name },
      'the embedded database is running',
    );
    return { identity, url, socketDir };
  } catch (error) {
    await shutDown(identity, place.paths.data, log);
    throw error;
  }
}

/** Takes over the server that holds the cluster; undefined when it had to go, and the caller looks again. */
async function takeOver(
  place: Place,
  { lock, identity }: Extract<Holder, { state: 'server' }>,
  log: EmbeddedLog,
): Promise<Obtained | undefined> {
  const { pid } = identity;
  if (lock.status !== 'ready') {
    log.info(
      { pid, status: lock.status },
      `the database server found here is ${lock.status}; waiting for it`,
    );
  }
  const outcome = lock.status === 'stopping' ? 'stopping' : await untilReady(identity, place.paths.data, log);
  if (outcome !== 'ready') {
    await untilStopped(identity, place.paths.data, log);
    return undefined;
  }
  if (await isProgramGone(pid)) {
    log.info({ pid }, 'the running database server is of an installation that was replaced: restarting it');
    await shutDown(identity, place.paths.data, log);
    return undefined;
  }
  // The one that was starting has written the place of its socket only now.
  const found = findHolder(place.paths.data);
  const socketDir = found.state === 'server' ? found.lock.socketDir : lock.socketDir;
  try {
    const url = await openDatabase(place.paths, socketDir, false);
    log.info({ pid, data: place.paths.data }, 'took over the running embedded database');
    return { identity, url, socketDir };
  } catch (error) {
    if (error instanceof MatrixError) throw error;
    if (!canIdentify()) throw holderUnknown(pid, place.paths.data, error);
    // It is ours beyond doubt (it works in our directory), but of no use: its socket is gone, or it hangs.
    log.warn(
      { pid, error: messageOf(error) },
      'the database server found here does not answer: restarting it',
    );
    await shutDown(identity, place.paths.data, log);
    return undefined;
  }
}

function holderUnknown(pid: number, data: string, cause: unknown): MatrixError {
  return new MatrixError(
    'MX_EMBEDDED_FAILED',
    `${lockFilePath(data)} names process ${pid}, which does not answer as a database (${messageOf(cause)}). If that ` +
      'process is not a PostgreSQL server, delete the file; else stop it.',
    { cause },
  );
}
