/** What the numbers were measured on: an absolute number without it tells nothing. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { VERSION } from '../../src/config/paths.js';

export interface Environment {
  readonly matrix: string;
  readonly node: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  /** Whether the run had a network namespace of its own. */
  readonly isolated: boolean;
  /** Load average of the last minute when the run began: others were at work if it is not near 0. */
  readonly loadAtStart: number;
  readonly startedAt: string;
}

export function environment(isolated: boolean): Environment {
  return {
    matrix: VERSION,
    node: process.version,
    kernel: release(),
    cpu: cpuName(),
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    isolated,
    loadAtStart: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    startedAt: new Date().toISOString(),
  };
}

function cpuName(): string {
  const model = cpus()[0]?.model.trim();
  if (model !== undefined && model !== '' && model !== 'unknown') return model;
  // ARM kernels name no model.
  const line = /^CPU part\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  return line === undefined ? process.arch : `${process.arch} part ${line}`;
}
