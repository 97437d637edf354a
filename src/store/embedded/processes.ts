import { existsSync, readFileSync, statSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot; empty on systems without /proc. */
  readonly startTicks: string;
}

interface ProcessFacts extends ProcessIdentity {
  /** Name of the program, at most 15 characters. */
  readonly comm: string;
  readonly state: string;
}

const HAS_PROC = existsSync('/proc/self/stat');

/** Whether this system shows who a pid is (Linux). Without it a pid is only known to exist. */
export function canIdentify(): boolean {
  return HAS_PROC;
}

/** What is known of a pid; undefined when there is no such process. See proc_pid_stat(5). */
export function processFacts(pid: number): ProcessFacts | undefined {
  if (!HAS_PROC) return signalReaches(pid) ? { pid, startTicks: '', comm: '', state: '' } : undefined;
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name is in parentheses and may itself hold some.
  const [open, close] = [line.indexOf('('), line.lastIndexOf(')')];
  const fields = line.slice(close + 2).split(' ');
  return { pid, startTicks: fields[19] ?? '', comm: line.slice(open + 1, close), state: fields[0] ?? '' };
}

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether this very process still runs. One that ended but was not collected by its parent does not. */
export function isRunning({ pid, startTicks }: ProcessIdentity): boolean {
  const facts = processFacts(pid);
  return facts !== undefined && facts.startTicks === startTicks && !'ZX'.includes(facts.state || '-');
}

/** Whether `facts` is a server process of the cluster in `data`: each of them works inside that directory. */
export function isServerOf(facts: ProcessFacts, data: string): boolean {
  if (!HAS_PROC) return true;
  if (facts.comm !== 'postgres' || 'ZX'.includes(facts.state)) return false;
  try {
    const [cwd, dir] = [statSync(`/proc/${facts.pid}/cwd`), statSync(data)];
    return cwd.dev === dir.dev && cwd.ino === dir.ino;
  } catch {
    return false; // gone meanwhile, or another user's: the server runs as our own account
  }
}

/** All server processes of the cluster in `data`, also those whose postmaster is dead. Linux only. */
export async function serversOf(data: string): Promise<ProcessIdentity[]> {
  if (!HAS_PROC) return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return pids.flatMap((name) => {
    const facts = processFacts(Number(name));
    return facts !== undefined && isServerOf(facts, data) ? [facts] : [];
  });
}

/** Whether the program file of this process was removed or replaced since it started. */
export async function isProgramGone(pid: number): Promise<boolean> {
  return (await readlink(`/proc/${pid}/exe`).catch(() => '')).endsWith(' (deleted)');
}

/** Sends a signal to this very process; false when it is gone. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    return process.kill(identity.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Whether any process is attached to System V segment `id`, by which PostgreSQL sees its own survivors. */
export function isSegmentInUse(id: number): boolean {
  let table: string;
  try {
    table = readFileSync('/proc/sysvipc/shm', 'utf8');
  } catch {
    return false;
  }
  return table.split('\n').some((row) => {
    const fields = row.trim().split(/\s+/); // key shmid perms size cpid lpid nattch …
    return Number(fields[1]) === id && Number(fields[6]) > 0;
  });
}
