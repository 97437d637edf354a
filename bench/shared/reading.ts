import type { Side, SideContext } from '../harness/bench.js';
import { startMeter } from '../harness/meter.js';
import { type Peer, startPeer } from '../harness/peer.js';
import type { Read, ReaderCommand } from '../peers/reader.js';

export interface Reading {
  readonly server: Peer;
  readonly port: number;
  /** The bytes of the request, its empty line included. */
  readonly request: string;
  readonly connections: number;
  readonly depth: number;
}

/** A side that answers requests: the server's process is counted, the load generator's is reported. */
export async function readingSide(context: SideContext, reading: Reading): Promise<Side> {
  const { server, port, request, connections, depth } = reading;
  const command: ReaderCommand = { kind: 'connect', port, request, connections, depth };
  const reader = await startPeer<null>('reader', command);
  return {
    round: async (seconds) => {
      const meter = startMeter({ node: [server.pid] }, { ...context.reported, load: [reader.pid] });
      const { answers, bytes } = await reader.ask<Read>({ kind: 'read', seconds } satisfies ReaderCommand);
      return meter.stop({ units: answers, extra: { bytes_per_read: bytes / answers } });
    },
    close: async () => {
      await reader.close();
      await server.close();
    },
  };
}
