/** Thread of one probe family: loads that family's driver and nothing of any other. */
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../src/contract/clock.js';
import type { FamilySpec, Probe } from '../src/contract/family.js';
import { createLogger } from '../src/log/logger.js';
import { type ProbeTask, runBatch } from '../src/supervisor/probe-host.js';
import { type Pulse, startPulse } from '../src/supervisor/pulse.js';
import type { Logging } from '../src/supervisor/thread-side.js';

const { family, logging, pulse } = workerData as { family: string; logging: Logging; pulse: Pulse };
const { spec } = (await import(`./${family}/spec.js`)) as { spec: FamilySpec };
const { probe } = (await import(`./${family}/probe.js`)) as { probe: Probe };
const log = createLogger({ service: `probe/${family}`, ...logging });
startPulse(pulse);

export default async function run(task: ProbeTask | { readonly warm: true }): Promise<void> {
  if ('warm' in task) return;
  await runBatch(
    { spec, probe, clock: systemClock, log, post: (message) => parentPort?.postMessage(message) },
    task,
  );
}
