/** Deltas to many WebSocket clients: a truth that changes all the time, and the same bytes published bare. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Side, SideContext } from '../harness/bench.js';
import { startMeter } from '../harness/meter.js';
import { type Peer, startPeer } from '../harness/peer.js';
import type { FrontAnswer, FrontTold } from '../peers/front.js';
import type { Heard, ListenerCommand } from '../peers/listener.js';
import type { UwsAnswer, UwsTold } from '../peers/uws.js';
import { checkOf, commitOf, stampText } from './checks.js';

const PATH = '/matrix/ws';
const SERVICES = 200;
/** 1,000 changes a second, in commits as small as a busy writer's. */
const COMMIT_EVERY_MS = 10;
const CHANGES_PER_COMMIT = 10;
/** The front publishes at most so often; the bare side does so too. */
const TICK_MS = 100;
const CHANGES_PER_TICK = (TICK_MS / COMMIT_EVERY_MS) * CHANGES_PER_COMMIT;
/** For what is on its way when a round ends. */
const SETTLE_MS = 400;

export function liveBench(clients: number): Bench {
  const wanted = (scale: number): number => Math.ceil(clients * scale);
  return {
    name: `live-${clients}`,
    title: `WebSocket deliveries to ${clients} clients at 1,000 changes/s`,
    group: 'fanout',
    unit: 'delivery',
    compare: 'cpu',
    goal: { atLeast: 0.9 },
    peer: 'uWebSockets.js publish, same size',
    ours: async (context) => {
      const server = await startPeer<FrontAnswer>('front', { services: SERVICES });
      let rev = 0;
      const feed = (): void => {
        const changes = commitOf(rev + 1, rev * CHANGES_PER_COMMIT, CHANGES_PER_COMMIT, SERVICES);
        rev += 1;
        server.tell({ told: true, changes } satisfies FrontTold);
      };
      return liveSide(context, server, server.answer.port, wanted(context.scale), COMMIT_EVERY_MS, feed);
    },
    bare: async (context) => {
      const command = {
        path: PATH,
        body: Buffer.from('{"type":"snapshot"}'),
        contentType: 'application/json',
      };
      const server = await startPeer<UwsAnswer>('uws', command);
      let seq = 0;
      const feed = (): void => {
        seq += 1;
        server.tell({ told: true, bytes: deltaBytes(seq) } satisfies UwsTold);
      };
      return liveSide(context, server, server.answer.port, wanted(context.scale), TICK_MS, feed);
    },
  };
}

/** What the front would publish. Made by the harness, so that the bare server does nothing but publish. */
function deltaBytes(seq: number): Uint8Array {
  const detail = stampText();
  const at = new Date().toISOString();
  const checks = Array.from({ length: CHANGES_PER_TICK }, (_, index) =>
    checkOf(index, { detail, checked_at: at }),
  );
  const head = { type: 'delta', epoch: 'abcdefghij', seq, generated_at: at };
  return Buffer.from(
    JSON.stringify({ ...head, checks, removed: [], alerts: [], cycle: null, overall: 'pass' }),
  );
}

async function liveSide(
  context: SideContext,
  server: Peer,
  port: number,
  clients: number,
  everyMs: number,
  feed: () => void,
): Promise<Side> {
  const listener = await startPeer<null>('listener', {
    kind: 'connect',
    port,
    path: PATH,
    clients,
  } satisfies ListenerCommand);
  return {
    round: async (seconds) => {
      await listener.ask({ kind: 'begin' } satisfies ListenerCommand);
      const meter = startMeter({ node: [server.pid] }, { ...context.reported, clients: [listener.pid] });
      const begun = performance.now();
      // By the clock: a timer that comes late is made up for, so both sides are fed as much.
      for (let fed = 0; fed * everyMs < seconds * 1000; fed += 1) {
        const waitMs = begun + fed * everyMs - performance.now();
        if (waitMs > 0) await sleep(waitMs);
        feed();
      }
      await sleep(SETTLE_MS);
      const { deliveries, bytes, latencyMs } = await listener.ask<Heard>({
        kind: 'end',
      } satisfies ListenerCommand);
      const extra = {
        bytes_per_delivery: bytes / deliveries,
        ...(latencyMs === null
          ? {}
          : { p50_ms: latencyMs.p50, p99_ms: latencyMs.p99, max_ms: latencyMs.max }),
      };
      return meter.stop({ units: deliveries, extra });
    },
    close: async () => {
      await listener.close();
      await server.close();
    },
  };
}
