/** Bare uWebSockets.js: one answer of fixed bytes, and one topic on which bytes are published. */
import type * as Uws from 'uWebSockets.js';
import { loadUws } from '../../src/front/uws.js';
import { servePeer } from '../harness/peer.js';

export interface UwsCommand {
  readonly path: string;
  /** Answered to GET, and sent to a WebSocket when it opens. */
  readonly body: Uint8Array;
  readonly contentType: string;
}
export interface UwsAnswer {
  readonly port: number;
}
/** Bytes to publish. */
export interface UwsTold {
  readonly told: true;
  readonly bytes: Uint8Array;
}

const TOPIC = 'live';
let app: Uws.TemplatedApp | null = null;

servePeer<UwsCommand, UwsTold>(
  async ({ path, body, contentType }): Promise<UwsAnswer> => {
    const uws = (await loadUws()) as unknown as typeof Uws;
    app = uws.App();
    app.ws(path, {
      maxBackpressure: 16 * 1024 * 1024,
      idleTimeout: 32,
      open: (client) => {
        client.send(body, false);
        client.subscribe(TOPIC);
      },
    });
    app.get('/*', (res) => {
      res.cork(() => {
        res.writeHeader('content-type', contentType);
        res.end(body);
      });
    });
    return new Promise<UwsAnswer>((resolve, reject) => {
      app?.listen('127.0.0.1', 0, (socket) => {
        if (socket === false) reject(new Error('cannot listen'));
        else resolve({ port: uws.us_socket_local_port(socket as unknown as Uws.us_socket) });
      });
    });
  },
  ({ bytes }) => void app?.publish(TOPIC, bytes, false),
);
