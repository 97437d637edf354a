import { type HttpTarget, spec } from '../workers/http/spec.js';
import type { Bench } from './harness/bench.js';
import { probeSide } from './shared/probing.js';
import { CONCURRENCY, httpTargets, originsOf } from './shared/targets.js';
import { undiciLoop } from './shared/undici-loop.js';

export const bench: Bench = {
  name: 'http',
  title: 'HTTP probes, a fresh connection each',
  group: 'collector',
  unit: 'probe',
  compare: 'cpu',
  goal: { atLeast: 1 },
  peer: 'undici Client',
  fixture: httpTargets,
  ours: (context) =>
    probeSide<HttpTarget>(context, {
      spec,
      targets: originsOf(context.data).map((origin) => ({ url: `${origin}/` })),
      concurrency: CONCURRENCY,
    }),
  bare: async (context) => undiciLoop(context),
};
