/** Ties the hub to uWebSockets.js: who may connect, and the limits of a connection. */
import { MatrixError } from '../../contract/errors.js';
import { LIMITS } from '../../contract/limits.js';
import { LIVE_PATH } from '../../snapshot/client.js';
import { Exchange, type OnDone } from '../http/exchange.js';
import { errorReply } from '../http/reply.js';
import { type Access, principalOf } from '../rest.js';
import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t } from '../uws.js';
import type { ClientData, LiveHub } from './hub.js';

const IDLE_TIMEOUT_S = 32;
/** A browser cannot set headers on a WebSocket: the page offers its token as a second subprotocol. */
const PROTOCOL = 'matrix';
const TOKEN_PREFIX = 'bearer.';

export interface SocketParts extends Access {
  readonly hub: LiveHub;
  readonly onDone: OnDone;
  /** Called when a WebSocket is over: uWebSockets.js itself counts a connection only until it is upgraded. */
  onClosed(): void;
  hostAllowed(host: string): boolean;
}

/** Adds the WebSocket route. */
export function addLiveSocket(app: TemplatedApp, parts: SocketParts): void {
  const { hub } = parts;
  app.ws<ClientData>(LIVE_PATH, {
    maxPayloadLength: LIMITS.live_frame.value,
    maxBackpressure: LIMITS.live_backpressure.value,
    // The typings say number; the addon reads a boolean.
    closeOnBackpressureLimit: 1,
    idleTimeout: IDLE_TIMEOUT_S,
    sendPingsAutomatically: true,
    upgrade: (res, req, context) => void upgrade(res, req, context, parts),
    open: (client) => hub.open(client),
    drain: (client) => hub.drained(client),
    dropped: () => hub.dropped(),
    close: (client) => {
      hub.closed(client);
      parts.onClosed();
    },
    message: (client, message, isBinary) => {
      hub.message(client, isBinary ? '' : Buffer.from(message).toString());
    },
  });
}

async function upgrade(
  res: HttpResponse,
  req: HttpRequest,
  context: us_socket_context_t,
  parts: SocketParts,
): Promise<void> {
  const exchange = new Exchange(res, req, parts.onDone);
  exchange.route = LIVE_PATH;
  exchange.handedBack();
  const key = req.getHeader('sec-websocket-key');
  const extensions = req.getHeader('sec-websocket-extensions');
  const protocols = req
    .getHeader('sec-websocket-protocol')
    .split(',')
    .map((name) => name.trim());
  const origin = req.getHeader('origin');
  try {
    exchange.requireOneHost();
    if (!parts.hostAllowed(exchange.host)) {
      throw new MatrixError('MX_HOST_REFUSED', `The host "${exchange.host}" is not one of Matrix's names`);
    }
    if (origin !== '' && hostOf(origin) !== exchange.host.toLowerCase()) {
      throw new MatrixError('MX_HOST_REFUSED', `A page of ${origin} may not connect here`);
    }
    const offered = protocols.find((name) => name.startsWith(TOKEN_PREFIX))?.slice(TOKEN_PREFIX.length);
    const authorization = offered === undefined ? exchange.authorization : `Bearer ${offered}`;
    await principalOf(authorization, parts);
    if (parts.hub.full) throw new MatrixError('MX_NOT_READY', 'All WebSocket connections are taken');
  } catch (error) {
    exchange.send(errorReply(error, exchange.id));
    return;
  }
  if (exchange.over) return;
  const data: ClientData = { requestId: exchange.id, catchUp: null, messages: 0, windowFromMs: 0 };
  exchange.upgraded(() => {
    const protocol = protocols.includes(PROTOCOL) ? PROTOCOL : '';
    res.upgrade(data, key, protocol, extensions, context);
  });
}

/** `https://example.org` → `example.org`; a broken origin matches nothing. */
function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}
