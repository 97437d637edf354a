import { setTimeout as sleep } from 'node:timers/promises';
import type { TestPostgres } from '../test/support/postgres.js';
import type { Bench, Round, Side, SideContext } from './harness/bench.js';
import { childrenOf } from './harness/cpu.js';
import { startMeter } from './harness/meter.js';
import { startPeer } from './harness/peer.js';
import type { Heard, ListenerCommand } from './peers/listener.js';
import { freePort, untilAnswers } from './shared/poll.js';
import { withPostgres } from './shared/postgres.js';
import { emptyDirectory, serve } from './shared/serve.js';
import { httpTargets, originsOf } from './shared/targets.js';
import { undiciLoop } from './shared/undici-loop.js';

const TARGETS = 1000;
/** A window shorter than the targets' interval would not see each once. */
const WINDOW_S = 2;
const READY_WITHIN_MS = 60_000;
/** For what the start itself still does when every target has its first result. */
const SETTLE_MS = 1500;

export const bench: Bench = {
  name: 'end-to-end',
  title: `${TARGETS} HTTP targets at 1 s: probe → queue → PostgreSQL → WebSocket, every process counted`,
  group: 'pipeline',
  unit: 'check',
  compare: 'cpu',
  goal: { atLeast: 0.85 },
  peer: 'undici Client',
  fixture: httpTargets,
  ours: (context) => withPostgres(async (postgres) => ours(context, postgres)),
  bare: async (context) => undiciLoop(context),
};

function ours(context: SideContext, postgres: TestPostgres): Side {
  let matrix: ReturnType<typeof serve> | null = null;
  return {
    // Started anew each round: one that runs on would disturb the bare side's rounds.
    round: async (seconds): Promise<Round> => {
      const directory = emptyDirectory();
      const port = await freePort();
      const targets = Math.ceil(TARGETS * context.scale);
      matrix = serve(
        directory.path,
        { MATRIX_DATABASE_URL: postgres.url, MATRIX_JWT_SECRET: 'of the benchmark only, but long enough' },
        configOf(originsOf(context.data), targets, port),
      );
      try {
        await untilAnswers(port, '/health/ready', READY_WITHIN_MS);
        await untilAllPass(postgres, targets);
        return await measure(context, postgres, matrix.pid, port, Math.max(WINDOW_S, seconds));
      } finally {
        await matrix.stop();
        directory.remove();
      }
    },
    close: async () => matrix?.stop(),
  };
}

/** As the listener's client is the only one, its one process is all that reads. */
async function measure(
  context: SideContext,
  postgres: TestPostgres,
  pid: number,
  port: number,
  seconds: number,
): Promise<Round> {
  const listener = await startPeer<null>('listener', {
    kind: 'connect',
    port,
    path: '/matrix/ws',
    clients: 1,
  } satisfies ListenerCommand);
  try {
    await sleep(SETTLE_MS);
    await listener.ask({ kind: 'begin' } satisfies ListenerCommand);
    const before = await stored(postgres);
    // With external PostgreSQL and targets over HTTP, the only process that Matrix forks is its front.
    const counted = { matrix: [pid], front: childrenOf(pid), postgres: [postgres.pid] };
    const meter = startMeter(counted, { ...context.reported, client: [listener.pid] });
    await sleep(seconds * 1000);
    const units = (await stored(postgres)) - before;
    const { deliveries } = await listener.ask<Heard>({ kind: 'end' } satisfies ListenerCommand);
    return meter.stop({ units, extra: { deltas: deliveries } });
  } finally {
    await listener.close();
  }
}

async function stored(postgres: TestPostgres): Promise<number> {
  const [row] = await postgres.query('SELECT count(*)::int AS count FROM matrix.results');
  return Number(row?.['count']);
}

async function untilAllPass(postgres: TestPostgres, targets: number): Promise<void> {
  const end = performance.now() + READY_WITHIN_MS;
  while (performance.now() < end) {
    const [row] = await postgres.query(
      `SELECT count(*)::int AS count FROM matrix.service_state WHERE verdict = 'pass' AND started_at > now() - interval '3 s'`,
    );
    if (Number(row?.['count']) >= targets) return;
    await sleep(100);
  }
  throw new Error(`not all of ${targets} targets passed within ${READY_WITHIN_MS / 1000} s`);
}

function configOf(origins: readonly string[], targets: number, port: number): string {
  const sections = Array.from({ length: targets }, (_, index) => {
    const url = `${origins[index % origins.length]}/${index}`;
    return `[[http]]\nname = "service ${index}"\nurl = "${url}"\ninterval_s = 1\n`;
  });
  return `[matrix]\ndiscover = false\n[front]\nport = ${port}\n${sections.join('')}`;
}
