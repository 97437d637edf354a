import { once } from 'node:events';
import { connect, createSecureContext } from 'node:tls';
import { type HttpTarget, spec } from '../workers/http/spec.js';
import type { Bench } from './harness/bench.js';
import { bareLoop } from './shared/loop.js';
import { probeSide } from './shared/probing.js';
import { CONCURRENCY, httpsTargets, originsOf } from './shared/targets.js';

export const bench: Bench = {
  name: 'tls',
  title: 'HTTPS probes, a full handshake and a request each, the certificate verified',
  group: 'collector',
  unit: 'probe',
  compare: 'cpu',
  goal: { atLeast: 0.9 },
  peer: 'tls.connect, handshake only',
  fixture: httpsTargets,
  ours: (context) =>
    probeSide<HttpTarget>(context, {
      spec,
      targets: originsOf(context.data).map((origin) => ({ url: `${origin}/` })),
      concurrency: CONCURRENCY,
    }),
  bare: async (context) => {
    const secureContext = createSecureContext();
    const urls = originsOf(context.data).map((origin) => new URL(origin));
    return bareLoop(context, CONCURRENCY, async (call) => {
      const { hostname, port } = urls[call % urls.length] as URL;
      const socket = connect({ host: hostname, port: Number(port), secureContext });
      await once(socket, 'secureConnect');
      socket.destroy();
    });
  },
};
