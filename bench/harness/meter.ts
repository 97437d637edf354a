import type { Round } from './bench.js';
import { treeCpuMs } from './cpu.js';

/** Process ids, by what the processes are. */
export type Parts = Readonly<Record<string, readonly number[]>>;

/** Of a process that is no part of either side but an ancestor of parts: never shown. */
const HARNESS = 'harness';

export interface Meter {
  /** Counts one more process, which began after the meter did. */
  add(name: string, pid: number): void;
  /** Ends the measurement. */
  stop(done: Pick<Round, 'units' | 'timesMs' | 'extra'>): Round;
}

/** Begins to measure wall time and the CPU of `counted` and `reported`; the calling process counts only if named. */
export function startMeter(counted: Parts, reported: Parts): Meter {
  const groups: Record<string, readonly number[]> = { [HARNESS]: [process.pid], ...counted, ...reported };
  const born: Record<string, readonly number[]> = {};
  // A root that is named twice belongs to the later name, so a counted calling process is no harness.
  const before = treeCpuMs(groups);
  const begun = performance.now();
  return {
    add(name, pid) {
      born[name] = [...(born[name] ?? []), pid];
    },
    stop(done) {
      const seconds = (performance.now() - begun) / 1000;
      const after = treeCpuMs({ ...groups, ...born });
      const spent = (parts: Parts) =>
        Object.fromEntries(
          Object.keys(parts).map((name) => [name, Math.max(0, (after[name] ?? 0) - (before[name] ?? 0))]),
        );
      return { ...done, seconds, cpuMs: spent({ ...counted, ...born }), reportedCpuMs: spent(reported) };
    },
  };
}
