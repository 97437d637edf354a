import type { Bench } from '../harness/bench.js';
import { startPeer } from '../harness/peer.js';
import type { FrontAnswer } from '../peers/front.js';
import type { UwsAnswer } from '../peers/uws.js';
import { readingSide } from './reading.js';

const PATH = '/matrix/api/status';
const CONNECTIONS = 16;

/** The status read by many at once, of a fleet of `services`. `depth`: reads under way on a connection. */
export function statusBench(services: number, depth: number): Bench {
  const front = (scale: number) => startPeer<FrontAnswer>('front', { services: Math.ceil(services * scale) });
  const requestTo = (port: number): string => `GET ${PATH} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`;
  return {
    name: `status-${services}`,
    title: `Status reads with ${services} services`,
    group: 'front',
    unit: 'read',
    compare: 'cpu',
    goal: { atLeast: 0.9 },
    peer: 'uWebSockets.js, same body',
    ours: async (context) => {
      const server = await front(context.scale);
      const { port } = server.answer;
      return readingSide(context, {
        server,
        port,
        request: requestTo(port),
        connections: CONNECTIONS,
        depth,
      });
    },
    bare: async (context) => {
      const original = await front(context.scale);
      const answer = await fetch(`http://127.0.0.1:${original.answer.port}${PATH}`);
      const body = new Uint8Array(await answer.arrayBuffer());
      await original.close();
      const command = { path: '/none', body, contentType: answer.headers.get('content-type') ?? '' };
      const server = await startPeer<UwsAnswer>('uws', command);
      const { port } = server.answer;
      return readingSide(context, {
        server,
        port,
        request: requestTo(port),
        connections: CONNECTIONS,
        depth,
      });
    },
  };
}
