import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { workerEntry } from '../src/config/paths.js';
import { systemClock } from '../src/contract/clock.js';
import type { Outcome } from '../src/supervisor/due.js';
import { Family } from '../src/supervisor/family.js';
import type { ProbeMessage } from '../src/supervisor/probe-host.js';
import { makePulse } from '../src/supervisor/pulse.js';
import { type HttpTarget, spec } from '../workers/http/spec.js';
import type { Bench, SideContext } from './harness/bench.js';
import { itemOf, LOGGING } from './shared/probing.js';
import { type Start, startsSide } from './shared/starts.js';
import { httpTargets, originsOf } from './shared/targets.js';

const STARTS = { perRound: 3, inProcess: true };

export const bench: Bench = {
  name: 'restart-thread',
  title: 'A probe thread restarted → its family probing again',
  group: 'restart',
  unit: 'restart',
  compare: 'time',
  goal: { atMost: 1.2 },
  peer: 'new Worker, same imports, first probe',
  fixture: httpTargets,
  ours: async (context) => startsSide(context, () => restartedFamily(context), STARTS),
  bare: async (context) => startsSide(context, () => bareThread(context), STARTS),
};

function item(context: SideContext) {
  const [origin] = originsOf(context.data);
  return itemOf<HttpTarget>(spec, { url: `${origin}/`, name: 'target' });
}

async function restartedFamily(context: SideContext): Promise<Start> {
  const { name, timeoutMs, config } = item(context);
  const target = { family: spec.name, name, intervalMs: 1000, timeoutMs, overUplink: false, config };
  let heard: (outcomes: readonly Outcome[]) => void = () => undefined;
  const family = new Family({
    spec,
    file: pathToFileURL(workerEntry('probe')),
    clock: systemClock,
    logging: LOGGING,
    onOutcomes: (outcomes) => heard(outcomes),
    onEvent: () => undefined,
  });
  const passes = (): Promise<void> =>
    new Promise((resolve) => {
      heard = (outcomes) => {
        if (outcomes.some(({ results }) => results[0]?.verdict === 'pass')) resolve();
      };
      const ready = { wallMs: Date.now(), monotonicMs: performance.now() };
      family.submit([{ target, dueAt: ready.wallMs, ready }]);
    });
  await family.start();
  await passes();
  return {
    run: async () => {
      await family.restart(`family:${spec.name}`);
      await passes();
    },
    close: () => family.stop(),
  };
}

async function bareThread(context: SideContext): Promise<Start> {
  let worker: Worker | null = null;
  return {
    run: async () => {
      const workerData = { family: spec.name, logging: LOGGING, pulse: makePulse() };
      worker = new Worker(new URL('./peers/bare-probe.js', import.meta.url), { workerData });
      await once(worker, 'message');
      worker.postMessage({ batch: 1, items: [item(context)] });
      const [message] = (await once(worker, 'message')) as [ProbeMessage];
      if (message.results[0]?.verdict !== 'pass') throw new Error('the bare probe did not pass');
    },
    close: async () => void (await worker?.terminate()),
  };
}
