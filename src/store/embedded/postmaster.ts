import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { MatrixError } from '../../contract/errors.js';
import { spawnAs } from './account.js';
import type { Binaries } from './binaries.js';
import { cannotRun, SERVER_ENV } from './cluster.js';
import { type EmbeddedLog, embeddedFailure, serverFailure } from './errors.js';
import { findHolder } from './lock-file.js';
import { logTail, openLog, trimLog } from './log-file.js';
import type { Place } from './place.js';
import { isRunning, type ProcessIdentity, processFacts, serversOf, signal } from './processes.js';
import { serverArguments } from './server-settings.js';
import { waitUntil } from './wait.js';

/** Recovery after a crash reads at most the WAL since the last checkpoint; this is far beyond that. */
const START_LIMIT_MS = 600_000;
const SAY_EVERY_MS = 10_000;
const FAST_LIMIT_MS = 15_000;
const IMMEDIATE_LIMIT_MS = 10_000;
const KILL_LIMIT_MS = 5_000;

/**
 * Starts a postmaster and resolves when it accepts connections; undefined when another one got the cluster
 * first. Throws MX_EMBEDDED_* with the end of its log when it ends instead.
 */
export async function launch(
  place: Place,
  binaries: Binaries,
  socketDir: string,
  log: EmbeddedLog,
): Promise<ProcessIdentity | undefined> {
  const { data, log: logFile } = place.paths;
  await trimLog(logFile, place.account);
  const { identity, logMark } = await spawnDetached(place, binaries, socketDir);
  const outcome = await untilReady(identity, data, log);
  if (outcome === 'ready') return identity;
  const other = findHolder(data);
  if (other.state === 'server' && other.lock.pid !== identity.pid) return undefined;
  throw serverFailure('PostgreSQL did not start', await logTail(logFile, logMark), logFile);
}

/**
 * Starts it through a shell that ends at once, so that the postmaster becomes init's child, not ours. Threads
 * of Matrix come and go; a child whose thread is gone would stay uncollected when it dies, and PostgreSQL
 * takes the pid of such a one for a living server. The shell gets every value as an argument: nothing is quoted.
 */
async function spawnDetached(
  place: Place,
  binaries: Binaries,
  socketDir: string,
): Promise<{ identity: ProcessIdentity; logMark: number }> {
  const logFile = await openLog(place.paths.log, place.account).catch((error: unknown) => {
    throw embeddedFailure(`write ${place.paths.log}`, error);
  });
  try {
    const { size } = await logFile.stat();
    const program = join(binaries.native, 'bin', 'postgres');
    const args = [
      '-c',
      '"$@" </dev/null >&2 & echo $!',
      'sh',
      program,
      ...serverArguments(place.paths.data, socketDir),
    ];
    const shell = spawn('/bin/sh', args, {
      ...spawnAs(place.account),
      cwd: '/',
      env: SERVER_ENV,
      detached: true, // Ctrl-C in the terminal is for Matrix, which then stops it properly
      stdio: ['ignore', 'pipe', logFile.fd],
    });
    const pid = await new Promise<number>((resolve, reject) => {
      let said = '';
      shell.stdout?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      shell.on('error', (error) => reject(cannotRun('/bin/sh', error)));
      shell.on('close', () => resolve(Number(said)));
    });
    return { identity: { pid, startTicks: processFacts(pid)?.startTicks ?? 'gone' }, logMark: size };
  } finally {
    await logFile.close();
  }
}

/** Waits for a server that is starting or recovering. Throws MX_EMBEDDED_FAILED after ten minutes. */
export async function untilReady(
  identity: ProcessIdentity,
  data: string,
  log: EmbeddedLog,
): Promise<'ready' | 'ended' | 'stopping'> {
  const deadline = performance.now() + START_LIMIT_MS;
  let outcome: 'ready' | 'ended' | 'stopping' | undefined;
  const look = (): boolean => {
    const holder = findHolder(data);
    const status =
      holder.state === 'server' && holder.lock.pid === identity.pid ? holder.lock.status : undefined;
    if (status === 'ready' || status === 'stopping') outcome = status;
    else if (!isRunning(identity)) outcome = 'ended';
    return outcome !== undefined;
  };
  while (!(await waitUntil(look, SAY_EVERY_MS))) {
    if (performance.now() > deadline) {
      throw new MatrixError(
        'MX_EMBEDDED_FAILED',
        `The database server (pid ${identity.pid}) has not become ready for ten minutes. Read its log; stop it if it hangs.`,
      );
    }
    log.info({ pid: identity.pid }, 'the database is recovering after a crash; waiting for it');
  }
  return outcome ?? 'ended';
}

/**
 * Ends a server: fast shutdown (sessions are cut, all is written), then immediate (the next start recovers),
 * then by force, together with the processes that it leaves behind. One that stands still (SIGSTOP) is woken
 * first: awake it can end in order. Throws MX_EMBEDDED_FAILED when it survives all that.
 */
export async function shutDown(identity: ProcessIdentity, data: string, log: EmbeddedLog): Promise<void> {
  const isGone = (): boolean => !isRunning(identity);
  const ask = async (name: NodeJS.Signals): Promise<void> => {
    signal(identity, name);
    // It waits for its sessions, and they may stand still as well.
    for (const process of await serversOf(data)) signal(process, 'SIGCONT');
    signal(identity, 'SIGCONT');
  };
  await ask('SIGINT');
  if (await waitUntil(isGone, FAST_LIMIT_MS)) return;
  log.warn(
    { pid: identity.pid },
    'the database does not stop in time: stopping it at once; it recovers at the next start',
  );
  await ask('SIGQUIT');
  if (await waitUntil(isGone, IMMEDIATE_LIMIT_MS)) return;
  // It does not run at all. As after a power cut, the log of writes holds every commit.
  log.warn({ pid: identity.pid }, 'the database server does not react: killing it');
  signal(identity, 'SIGKILL');
  if (!(await waitUntil(isGone, KILL_LIMIT_MS))) throw cannotStop(identity.pid);
  // Nobody is left to end its sessions, and the next start would wait for them.
  if (!(await endProcesses(data))) throw cannotStop(identity.pid);
}

function cannotStop(pid: number): MatrixError {
  return new MatrixError('MX_EMBEDDED_FAILED', `The database server (pid ${pid}) cannot be stopped.`);
}

/**
 * Ends by force what still works in the directory of a server whose postmaster is dead; false when some are left.
 * That is safe: without a postmaster none of them can commit for anybody, and the next start recovers.
 */
export async function endProcesses(data: string): Promise<boolean> {
  for (const process of await serversOf(data)) signal(process, 'SIGKILL');
  return waitUntil(async () => (await serversOf(data)).length === 0, KILL_LIMIT_MS);
}

/** Waits for a server that somebody else is stopping; helps when it takes too long. */
export async function untilStopped(identity: ProcessIdentity, data: string, log: EmbeddedLog): Promise<void> {
  if (await waitUntil(() => !isRunning(identity), FAST_LIMIT_MS)) return;
  await shutDown(identity, data, log);
}
