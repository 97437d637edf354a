/**
 * A probe thread whose probes do what their target's `does` says: pass, or go wrong in each way that a probe can.
 * Built like `workers/probe.ts`, with the probe in the same file. `logging` carries what the whole thread does.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../src/contract/clock.js';
import type { FamilySpec, Probe } from '../../src/contract/family.js';
import type { Finding } from '../../src/contract/result.js';
import { type ProbeTask, runBatch } from '../../src/supervisor/probe-host.js';
import { type Pulse, startPulse } from '../../src/supervisor/pulse.js';

/** What the thread does when it loads, instead of loading. */
export interface Load {
  /** Crashes at load as long as fewer than `times` crashes stand in `file`. */
  readonly crash?: { readonly file: string; readonly times: number };
  /** Never finishes loading. */
  readonly hang?: boolean;
}

const { family, logging, pulse } = workerData as { family: string; logging: Load; pulse: Pulse };
if (logging.crash !== undefined) {
  const { file, times } = logging.crash;
  const before = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  if (before < times) {
    writeFileSync(file, String(before + 1));
    throw new Error(`crash ${before + 1} at load`);
  }
}
if (logging.hang === true) await new Promise(() => setInterval(() => undefined, 1_000));

startPulse(pulse);

const pass = (detail = 'fine'): Finding[] => [{ verdict: 'pass', detail }];

const probe: Probe = async (target, { signal }) => {
  const does = String((target as { does?: unknown }).does ?? 'pass');
  const ms = Number((target as { ms?: unknown }).ms ?? 0);
  if (does !== 'block') await sleep(ms);
  switch (does) {
    case 'throw':
      throw new Error('the driver is broken');
    case 'nonsense':
      return undefined as unknown as Finding[];
    case 'never':
      return new Promise(() => undefined);
    case 'obedient':
      return new Promise((resolve) =>
        signal.addEventListener('abort', () =>
          resolve([{ verdict: 'fail', code: 'timeout', detail: 'no answer' }]),
        ),
      );
    case 'exit':
      process.exit(3);
      break;
    case 'uncaught':
      setImmediate(() => {
        throw new Error('thrown outside of the probe');
      });
      return new Promise(() => undefined);
    case 'rejection':
      void Promise.reject(new Error('rejected outside of the probe'));
      return new Promise(() => undefined);
    case 'memory': {
      const hoard: unknown[] = [];
      for (;;) hoard.push(new Array(100_000).fill({}));
    }
    case 'spin_later':
      setTimeout(() => {
        for (;;);
      }, 100);
      break;
    case 'block': {
      const end = performance.now() + ms;
      while (performance.now() < end);
      break;
    }
    case 'spin':
      for (;;);
    case 'odd':
      return [
        {
          verdict: 'fail',
          detail: `nul \0 and half \ud800 ${'x'.repeat(5_000)}`,
          durationMs: Number.NaN,
          facts: { banner: '\0\ud800' },
        },
      ];
    case 'many':
      return [...pass(), { service: `${target.name}/a`, verdict: 'warn', detail: 'a' }];
  }
  return pass();
};

const spec = { name: family } as FamilySpec;
const log = { debug() {}, info() {}, warn() {} };

export default async function run(task: ProbeTask | { readonly warm: true }): Promise<void> {
  if ('warm' in task) return;
  const post = (message: unknown): void => parentPort?.postMessage(message);
  await runBatch({ spec, probe, clock: systemClock, log, post }, task);
}
