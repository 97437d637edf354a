import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isServerOf, type ProcessIdentity, processFacts } from './processes.js';

/** What PostgreSQL writes into `postmaster.pid`; its lines are described in `miscadmin.h`. */
export interface LockFile {
  readonly pid: number;
  readonly socketDir: string;
  /** System V segment by which a new postmaster notices survivors of an old one; undefined before it exists. */
  readonly segmentId: number | undefined;
  readonly status: 'starting' | 'ready' | 'stopping';
  /** The whole file: tells one lock from the next. */
  readonly text: string;
}

/** Who holds a cluster. */
export type Holder =
  | { readonly state: 'none' }
  /** The lock is there, its process is not (or is dead and not yet collected). */
  | { readonly state: 'dead' | 'uncollected'; readonly lock: LockFile }
  /** The lock's pid now is some other process. */
  | { readonly state: 'foreign'; readonly lock: LockFile; readonly comm: string }
  | { readonly state: 'server'; readonly lock: LockFile; readonly identity: ProcessIdentity };

export function lockFilePath(data: string): string {
  return join(data, 'postmaster.pid');
}

/** The lock of the cluster in `data`; undefined when there is none, or only the beginning of one. */
export function readLockFile(data: string): LockFile | undefined {
  let text: string;
  try {
    text = readFileSync(lockFilePath(data), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return parseLockFile(text);
}

export function parseLockFile(text: string): LockFile | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  // A stand-alone backend (postgres --single) writes its pid negated.
  const pid = Math.abs(Number(lines[0]));
  if (!Number.isSafeInteger(pid) || pid === 0) return undefined;
  const segment = /^\d+\s+(\d+)$/.exec(lines[6] ?? '')?.[1];
  const said = lines[7];
  const status = said === 'ready' || said === 'stopping' ? said : 'starting';
  return {
    pid,
    socketDir: lines[4] ?? '',
    segmentId: segment === undefined ? undefined : Number(segment),
    status,
    text,
  };
}

/** Says who holds the cluster in `data`. A pid is believed only if its process works in that directory. */
export function findHolder(data: string): Holder {
  const lock = readLockFile(data);
  if (lock === undefined) return { state: 'none' };
  const facts = processFacts(lock.pid);
  if (facts === undefined) return { state: 'dead', lock };
  if ('ZX'.includes(facts.state || '-')) return { state: 'uncollected', lock };
  if (isServerOf(facts, data)) return { state: 'server', lock, identity: facts };
  return { state: 'foreign', lock, comm: facts.comm };
}
