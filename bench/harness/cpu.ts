/** CPU time of process trees, from /proc. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second, in which the kernel counts. */
const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

interface ProcessTimes {
  readonly parent: number;
  /** Its own, in whole ticks. */
  readonly ownMs: number;
  /** Of the children it has waited for. */
  readonly childrenMs: number;
}

/** Reads every process once: proc_pid_stat(5), fields 4 and 14 to 17. */
function processes(): Map<number, ProcessTimes> {
  const found = new Map<number, ProcessTimes>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      // The command in parentheses may hold spaces and parentheses itself.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const ms = (index: number): number => (Number(fields[index]) * 1000) / TICKS;
      found.set(Number(name), {
        parent: Number(fields[1]),
        ownMs: ms(11) + ms(12),
        childrenMs: ms(13) + ms(14),
      });
    } catch {
      // It ended between being listed and being read; its parent has its time now.
    }
  }
  return found;
}

/**
 * What the living threads of a process have run, in ms: schedstat counts nanoseconds, where stat counts ticks of
 * 10 ms but forgets no thread that has ended. The larger of the two is the better.
 */
function threadsMs(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const ran = threads.map((id) =>
      Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'latin1').split(' ')[0]),
    );
    return ran.reduce((sum, ns) => sum + ns, 0) / 1e6;
  } catch {
    // It has ended, or the kernel keeps no such statistics.
    return 0;
  }
}

/**
 * CPU ms of the trees below each group of roots. A process belongs to the nearest root above it, so a tree that
 * lies within another is counted once, under its own name.
 */
export function treeCpuMs(groups: Readonly<Record<string, readonly number[]>>): Record<string, number> {
  const all = processes();
  const owner = new Map<number, string>();
  for (const [name, roots] of Object.entries(groups)) for (const pid of roots) owner.set(pid, name);
  const sums: Record<string, number> = Object.fromEntries(Object.keys(groups).map((name) => [name, 0]));
  for (const [pid, { ownMs, childrenMs }] of all) {
    let at: number | undefined = pid;
    while (at !== undefined && at > 1 && !owner.has(at)) at = all.get(at)?.parent;
    const name = at === undefined ? undefined : owner.get(at);
    if (name !== undefined) sums[name] = (sums[name] ?? 0) + Math.max(ownMs, threadsMs(pid)) + childrenMs;
  }
  return sums;
}

/** The processes that `pid` has started and not lost, such as the front of a Matrix. */
export function childrenOf(pid: number): number[] {
  return [...processes()].filter(([, { parent }]) => parent === pid).map(([child]) => child);
}
