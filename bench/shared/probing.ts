/** The probe side that is ours: a family's real thread, fed as its supervisor feeds it. */
import { pathToFileURL } from 'node:url';
import Value from 'typebox/value';
import { workerEntry } from '../../src/config/paths.js';
import type { FamilySpec, TargetCommon } from '../../src/contract/family.js';
import type { Verdict } from '../../src/contract/result.js';
import type { ProbeItem, ProbeMessage } from '../../src/supervisor/probe-host.js';
import { type ProbeThread, startProbeThread } from '../../src/supervisor/probe-thread.js';
import type { Round, Side, SideContext } from '../harness/bench.js';
import { startMeter } from '../harness/meter.js';

export const LOGGING = { level: 'error', format: 'json', base: {} } as const;

/** Checks that are handed over together: what a busy ticker's slot holds. */
const BATCH = 25;

export interface Probing<T extends TargetCommon> {
  readonly spec: FamilySpec<T>;
  readonly targets: readonly Partial<T>[];
  readonly concurrency: number;
  readonly verdict?: Verdict;
}

/**
 * Probes the targets in turn with `concurrency` checks in flight. Counted: this process with the thread in it,
 * so also receiving and unpacking the results. Throws when a check does not end in `verdict` (default `pass`).
 */
export async function probeSide<T extends TargetCommon>(
  context: SideContext,
  { spec, targets, concurrency, verdict = 'pass' }: Probing<T>,
): Promise<Side> {
  const items = targets.map((fields, index) => itemOf(spec, { ...fields, name: `target ${index}` }));
  let onMessage: (message: ProbeMessage) => void = () => undefined;
  const thread = await startProbeThread({
    file: pathToFileURL(workerEntry('probe')),
    family: spec.name,
    logging: LOGGING,
    onMessage: (message) => onMessage(message),
  });
  return {
    close: () => thread.kill(),
    round: (seconds) =>
      probeRound({
        seconds,
        items,
        concurrency,
        verdict,
        thread,
        context,
        listen: (listener) => {
          onMessage = listener;
        },
      }),
  };
}

/** A target as config hands it over: the family's defaults applied, checked against its schema. */
export function itemOf<T extends TargetCommon>(
  spec: FamilySpec<T>,
  fields: Partial<T> & { name: string },
): ProbeItem {
  const config = Value.Default(spec.schema, { ...fields });
  Value.Assert(spec.schema, config);
  return {
    name: fields.name,
    dueAt: Date.now(),
    timeoutMs: 10_000,
    config: config as unknown as ProbeItem['config'],
  };
}

interface RoundParts {
  readonly seconds: number;
  readonly items: readonly ProbeItem[];
  readonly concurrency: number;
  readonly verdict: Verdict;
  readonly thread: ProbeThread;
  readonly context: SideContext;
  listen(listener: (message: ProbeMessage) => void): void;
}

let nextBatch = 1;
let nextItem = 0;

function probeRound({
  seconds,
  items,
  concurrency,
  verdict,
  thread,
  context,
  listen,
}: RoundParts): Promise<Round> {
  const meter = startMeter({ node: [process.pid] }, context.reported);
  const end = performance.now() + seconds * 1000;
  const size = Math.min(BATCH, concurrency);
  let inFlight = 0;
  let units = 0;
  const submit = (): void => {
    while (inFlight + size <= concurrency) {
      const batch = Array.from({ length: size }, () => items[nextItem++ % items.length] as ProbeItem);
      inFlight += size;
      thread.run({ batch: nextBatch++, items: batch });
    }
  };
  return new Promise((resolve, reject) => {
    void thread.exited.then((reason) => reject(new Error(`the probe thread ended: ${reason}`)));
    listen((message) => {
      const wrong = message.results.find(
        (result) => result.service === result.target && result.verdict !== verdict,
      );
      if (wrong !== undefined) reject(new Error(`${wrong.service}: ${wrong.verdict}, ${wrong.detail}`));
      inFlight -= message.done.length;
      units += message.done.length;
      if (performance.now() < end) submit();
      else if (inFlight === 0) resolve(meter.stop({ units }));
    });
    submit();
  });
}
