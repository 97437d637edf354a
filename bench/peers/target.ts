/** What is probed: an HTTP or HTTPS server on many loopback addresses, and a name server. In a process of its own. */

import type * as Uws from 'uWebSockets.js';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { loadUws } from '../../src/front/uws.js';
import { servePeer } from '../harness/peer.js';

export type TargetCommand =
  | {
      readonly kind: 'http';
      /** How many loopback addresses to listen on, each with a port of its own. */
      readonly addresses: number;
      /** Paths of PEM files; with them it is HTTPS. */
      readonly tls?: { readonly key: string; readonly cert: string };
    }
  | { readonly kind: 'dns' };

/** Answer to `http`: `http://127.0.0.1:port` and so on. To `dns`: the port, as text, alone. */
export type TargetAnswer = readonly string[];

const BODY = 'All is well with this service, and has been for a while.\n';

servePeer<TargetCommand>(async (command) => (command.kind === 'http' ? http(command) : dns()));

async function http({ addresses, tls }: TargetCommand & { kind: 'http' }): Promise<TargetAnswer> {
  const uws = (await loadUws()) as unknown as typeof Uws;
  const app =
    tls === undefined ? uws.App() : uws.SSLApp({ key_file_name: tls.key, cert_file_name: tls.cert });
  app.any('/*', (res) => void res.end(BODY));
  const origins: string[] = [];
  for (let last = 1; last <= addresses; last += 1) {
    const host = `127.0.0.${last}`;
    app.listen(host, 0, (socket) => {
      if (socket === false) throw new Error(`cannot listen on ${host}`);
      const port = uws.us_socket_local_port(socket as unknown as Uws.us_socket);
      origins.push(`${tls === undefined ? 'http' : 'https'}://${host}:${port}`);
    });
  }
  return origins;
}

/** Answers every question with 127.0.0.1: RFC 1035, section 4. */
async function dns(): Promise<TargetAnswer> {
  const socket = createSocket('udp4');
  socket.on('message', (question, peer) => {
    const end = question.indexOf(0, 12) + 5;
    const header = Buffer.from([0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    question.copy(header, 0, 0, 2);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
    socket.send(Buffer.concat([header, question.subarray(12, end), answer]), peer.port, peer.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return [String(socket.address().port)];
}
