import { spec, type TunnelTarget } from '../workers/tunnel/spec.js';
import type { Bench } from './harness/bench.js';
import { probeSide } from './shared/probing.js';
import { CONCURRENCY, httpTargets, originsOf } from './shared/targets.js';
import { undiciLoop } from './shared/undici-loop.js';

export const bench: Bench = {
  name: 'tunnel',
  title: 'Tunnel probes, without TLS',
  group: 'collector',
  unit: 'probe',
  compare: 'cpu',
  peer: 'undici Client',
  fixture: httpTargets,
  ours: (context) =>
    probeSide<TunnelTarget>(context, {
      spec,
      targets: originsOf(context.data).map((origin) => ({ url: `${origin}/` })),
      concurrency: CONCURRENCY,
    }),
  bare: async (context) => undiciLoop(context),
};
