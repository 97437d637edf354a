import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { spec, type WanTarget } from '../workers/wan/spec.js';
import type { Bench, Fixture, SideContext } from './harness/bench.js';
import { startPeer } from './harness/peer.js';
import type { TargetAnswer, TargetCommand } from './peers/target.js';
import { bareLoop } from './shared/loop.js';
import { probeSide } from './shared/probing.js';

const CONCURRENCY = 4;

async function nameServer(): Promise<Fixture> {
  const command: TargetCommand = { kind: 'dns' };
  const target = await startPeer<TargetAnswer>('target', command);
  return { data: target.answer[0], reported: { target: [target.pid] }, close: target.close };
}

async function pingOnce(): Promise<void> {
  const child = spawn('ping', ['-n', '-q', '-c', '1', '-W', '1', '--', '127.0.0.1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.resume();
  child.stderr.resume();
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`ping ended with ${code}`);
}

export const bench: Bench = {
  name: 'wan',
  title: 'Uplink probes: two pings of one echo, and a name resolved',
  group: 'collector',
  unit: 'probe',
  compare: 'cpu',
  peer: 'ping spawned twice',
  fixture: nameServer,
  ours: (context: SideContext) => {
    const target = {
      gateway: '127.0.0.1',
      target: '127.0.0.1',
      dns_host: 'service.test',
      dns_server: `127.0.0.1:${context.data}`,
    };
    return probeSide<WanTarget>(context, {
      spec,
      targets: Array.from({ length: CONCURRENCY }, () => ({ ...target, count: 1, echo_interval_ms: 10 })),
      concurrency: CONCURRENCY,
    });
  },
  bare: async (context) => bareLoop(context, CONCURRENCY, () => Promise.all([pingOnce(), pingOnce()])),
};
