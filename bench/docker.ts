import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Docker from 'dockerode';
import { startDockerd } from '../test/support/dockerd.js';
import { type DockerTarget, spec } from '../workers/docker/spec.js';
import { type Bench, CannotRun, type Fixture } from './harness/bench.js';
import { bareLoop } from './shared/loop.js';
import { probeSide } from './shared/probing.js';

const CONTAINERS = 3;
const CONCURRENCY = 4;

async function engine(): Promise<Fixture> {
  const dockerd = await startDockerd().catch((error: unknown) => {
    throw new CannotRun(`no private Docker engine: ${error instanceof Error ? error.message : error}`);
  });
  // Written by the engine beside its socket.
  const pid = Number(readFileSync(join(dirname(dockerd.socket), 'engine.pid'), 'utf8'));
  for (let number = 1; number <= CONTAINERS; number += 1) await dockerd.run(`service-${number}`);
  return { data: dockerd.socket, reported: { dockerd: [pid] }, close: dockerd.close };
}

export const bench: Bench = {
  name: 'docker',
  title: `Docker probes of an engine with ${CONTAINERS} containers`,
  group: 'collector',
  unit: 'probe',
  compare: 'cpu',
  peer: 'dockerode listContainers, once',
  fixture: engine,
  ours: (context) =>
    probeSide<DockerTarget>(context, {
      spec,
      targets: Array.from({ length: CONCURRENCY }, () => ({ socket: String(context.data) })),
      concurrency: CONCURRENCY,
    }),
  bare: async (context) => {
    const docker = new Docker({ socketPath: String(context.data), host: undefined, protocol: 'http' });
    return bareLoop(context, CONCURRENCY, () => docker.listContainers());
  },
};
