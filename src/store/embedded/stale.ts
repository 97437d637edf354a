import { readFileSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { MatrixError } from '../../contract/errors.js';
import type { EmbeddedLog } from './errors.js';
import { type Holder, type LockFile, lockFilePath, parseLockFile, readLockFile } from './lock-file.js';
import { SOCKET_FILE } from './paths.js';
import { isSegmentInUse, isServerOf, processFacts, serversOf, signal } from './processes.js';
import { waitUntil } from './wait.js';

const PATIENCE_MS = 2_000;
const ASKED_LIMIT_MS = 10_000;
const KILLED_LIMIT_MS = 5_000;

type Stale = Extract<Holder, { lock: LockFile }>;

/**
 * Makes sure that nobody uses the cluster whose lock has no living postmaster, so that one can be started.
 *
 * A postmaster that was killed leaves backends that end as soon as they notice; two generations must never
 * write at once. They are waited for, asked to end (SIGTERM) when a long query keeps them, and killed when they do
 * not: no server runs that they could harm, and the next one recovers as after a power cut.
 * PostgreSQL itself discards a lock whose process is gone. It refuses one whose pid exists: for a pid that
 * now belongs to another process, or to a dead one that its parent has not collected, the lock is removed
 * here. That is safe only because all of this holds: the caller has the start lock, no process works in the
 * directory, nothing is attached to the old memory segment, nobody answers on the socket, and the file still
 * says what was judged.
 */
export async function clearStaleLock(data: string, holder: Stale, log: EmbeddedLog): Promise<void> {
  const { lock } = holder;
  await refuseHiddenServer(lock, data);
  await waitForSurvivors(data, lock, log);
  if (holder.state === 'dead') return;
  if (readLockFile(data)?.text !== lock.text) return; // changed meanwhile: the caller looks again
  unlinkSync(lockFilePath(data));
  const who = holder.state === 'foreign' ? `now is another process (${holder.comm})` : 'is a dead process';
  log.warn(
    { pid: lock.pid, file: lockFilePath(data) },
    `removed a stale lock of the database: its pid ${who}`,
  );
}

/**
 * Removes the lock that the socket has of its own, in the same form, where its pid is no server of `data`.
 * The directory is this cluster's alone; the caller has the start lock and knows that no server runs.
 */
export function clearSocketLock(socketDir: string, data: string): void {
  const file = join(socketDir, `${SOCKET_FILE}.lock`);
  try {
    const pid = parseLockFile(readFileSync(file, 'utf8'))?.pid;
    const facts = pid === undefined ? undefined : processFacts(pid);
    if (facts !== undefined && !isServerOf(facts, data)) unlinkSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/**
 * A server in another container or PID namespace is invisible in /proc, but answers on its socket. It gets a
 * moment: one that is being torn down with its container is gone soon.
 */
async function refuseHiddenServer({ socketDir }: LockFile, data: string): Promise<void> {
  if (socketDir === '') return;
  if (await waitUntil(async () => !(await answers(join(socketDir, SOCKET_FILE))), PATIENCE_MS)) return;
  throw new MatrixError(
    'MX_EMBEDDED_FAILED',
    `The database in ${data} is in use by a server that this process cannot see, probably in another container. ` +
      'Stop that Matrix first, or give this one another MATRIX_DATA_DIR.',
  );
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // EAGAIN: somebody listens and is too busy to accept.
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EAGAIN'));
  });
}

async function waitForSurvivors(data: string, lock: LockFile, log: EmbeddedLog): Promise<void> {
  const isFree = async (): Promise<boolean> =>
    !(lock.segmentId !== undefined && isSegmentInUse(lock.segmentId)) && (await serversOf(data)).length === 0;
  if (await waitUntil(isFree, PATIENCE_MS)) return;
  const survivors = await serversOf(data);
  log.warn(
    { pids: survivors.map(({ pid }) => pid) },
    'the database server was killed and its sessions still run: asking them to end',
  );
  for (const survivor of survivors) {
    signal(survivor, 'SIGTERM');
    // One that stands still hears nothing before it is woken.
    signal(survivor, 'SIGCONT');
  }
  if (await waitUntil(isFree, ASKED_LIMIT_MS)) return;
  const stubborn = await serversOf(data);
  log.warn(
    { pids: stubborn.map(({ pid }) => pid) },
    'sessions of a killed database server do not end: killing them',
  );
  for (const survivor of stubborn) signal(survivor, 'SIGKILL');
  if (await waitUntil(isFree, KILLED_LIMIT_MS)) return;
  throw new MatrixError(
    'MX_EMBEDDED_FAILED',
    `The database in ${data} is still used by processes of a server that was killed ` +
      `(${stubborn.map(({ pid }) => pid).join(', ') || 'not visible here'}). End them, then start again.`,
  );
}
