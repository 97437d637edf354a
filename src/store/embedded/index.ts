import { dirname, join } from 'node:path';
import { messageOf } from '../../contract/errors.js';
import { isOther } from './account.js';
import { type Binaries, copyBinaries, findBinaries } from './binaries.js';
import { ensureCluster, writeWhole } from './cluster.js';
import { type EmbeddedLog, embeddedFailure } from './errors.js';
import { withStartLock } from './lock.js';
import { logTail, trimLog } from './log-file.js';
import { type Obtained, obtainServer } from './obtain.js';
import { choosePlace, ensureDataDir, firstClosed, type Place, removeSocketDir } from './place.js';
import { shutDown } from './postmaster.js';
import { isRunning } from './processes.js';

export type { EmbeddedLog } from './errors.js';
export { type EmbeddedPaths, embeddedPaths } from './paths.js';

export interface EmbeddedOptions {
  /** Absolute path of Matrix's data directory (MATRIX_DATA_DIR); made if it is not there. */
  readonly dataDir: string;
  readonly log: EmbeddedLog;
}

/** A running database. It outlives the thread and the process that obtained it, until `stop` is called. */
export interface Embedded {
  /** Connection string for node-postgres and pg-boss: the unix socket, database and role `matrix`, password. */
  readonly url: string;
  /** Process id of the postmaster. */
  readonly pid: number;
  /** Resolves with a sentence when the postmaster has ended, whoever ended it. Never rejects. */
  readonly exited: Promise<string>;
  /** Shuts the server down: fast, after 15 s immediately, after 10 s more by force. All calls share one shutdown. Throws MX_EMBEDDED_FAILED. */
  stop(): Promise<void>;
}

const WATCH_EVERY_MS = 200;
const TRIM_EVERY_MS = 10_000;

/**
 * Gets the database of `dataDir` running and connectable: makes it on the first call, takes over a server that
 * an earlier thread or a killed process left running, starts one otherwise. Callers on one machine wait for
 * each other and end up with the same server. See ADR 0003.
 * Throws MX_EMBEDDED_UNAVAILABLE when the binaries cannot be used here, MX_EMBEDDED_FAILED for all else.
 */
export async function startEmbedded({ dataDir, log }: EmbeddedOptions): Promise<Embedded> {
  const binaries = await findBinaries();
  await ensureDataDir(dataDir);
  try {
    return await withStartLock(dataDir, async () => {
      const place = await choosePlace(dataDir, log);
      const usable = await reachableBinaries(binaries, place, log);
      const isNew = await ensureCluster(place, usable);
      if (isNew) await recordPlace(place, log);
      return handle(place, await obtainServer(place, usable, isNew, log), log);
    });
  } catch (error) {
    throw embeddedFailure(`run the database in ${dataDir}`, error);
  }
}

/** The binaries, copied beside the data when the server's account cannot get to them. */
async function reachableBinaries(binaries: Binaries, place: Place, log: EmbeddedLog): Promise<Binaries> {
  if (!isOther(place.account)) return binaries;
  const closed = await firstClosed(join(binaries.native, 'bin'), place.account);
  if (closed === undefined) return binaries;
  const copied = await copyBinaries(binaries, dirname(place.paths.home));
  log.info(
    { from: binaries.native, to: copied.native },
    `PostgreSQL runs as ${place.account.name}, which cannot pass through ${closed}: running a copy of its binaries`,
  );
  return copied;
}

async function recordPlace({ paths, movedBecause }: Place, log: EmbeddedLog): Promise<void> {
  if (movedBecause === undefined) {
    log.info({ home: paths.home }, 'made a new, empty database');
    return;
  }
  await writeWhole(paths.pointer, `${paths.home}\n\nThe database is there, because ${movedBecause}.\n`);
  log.warn(
    { home: paths.home, pointer: paths.pointer },
    `the database is in ${paths.home}, because ${movedBecause}`,
  );
}

function handle(place: Place, { identity, url, socketDir }: Obtained, log: EmbeddedLog): Embedded {
  const { paths, account } = place;
  let isStopping = false;
  let stopped: Promise<void> | undefined;
  const watch = watchServer(
    () => isRunning(identity),
    () => {
      trimLog(paths.log, account).catch((error: unknown) => {
        log.warn({ file: paths.log, reason: messageOf(error) }, 'cannot trim the log of the database');
      });
    },
  );
  const exited = watch.ended.then(async () => {
    if (isStopping) return 'stopped on request';
    const last = (await logTail(paths.log).catch(() => '')).split('\n').at(-1);
    return `the database server (pid ${identity.pid}) ended; its log ends with: ${last || 'nothing'}`;
  });
  const stop = async (): Promise<void> => {
    isStopping = isRunning(identity);
    await shutDown(identity, paths.data, log);
    watch.look();
    await removeSocketDir(socketDir, paths.home);
    await exited;
  };
  return {
    url,
    pid: identity.pid,
    exited,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** Looks now and then whether the server lives. It is not our child, so nothing wakes us; a look costs about 20 µs. */
function watchServer(isAlive: () => boolean, tidy: () => void): { ended: Promise<void>; look: () => void } {
  let look = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    let tidyAt = performance.now() + TRIM_EVERY_MS;
    look = () => {
      if (!isAlive()) {
        clearInterval(timer);
        resolve();
      } else if (performance.now() >= tidyAt) {
        tidyAt = performance.now() + TRIM_EVERY_MS;
        tidy();
      }
    };
    const timer = setInterval(look, WATCH_EVERY_MS);
  });
  return { ended, look };
}
