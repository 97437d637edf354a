/** Every HTTP request passes here: host, route, method, and the count and time of each answer. */
import { MatrixError } from '../../contract/errors.js';
import { LIMITS } from '../../contract/limits.js';
import type { Logger } from '../../log/logger.js';
import type { Metrics } from '../metrics.js';
import type { HttpResponse, TemplatedApp } from '../uws.js';
import { Exchange, type OnDone } from './exchange.js';
import { errorReply } from './reply.js';
import type { Router } from './router.js';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'DELETE', 'PUT', 'PATCH', 'OPTIONS']);

export interface ServeParts {
  readonly router: Router;
  readonly metrics: Metrics;
  readonly log: Logger;
  hostAllowed(host: string): boolean;
}

export interface Serving {
  /** Requests that are not answered yet. */
  open(): number;
  /** Open connections, those of WebSockets included. */
  connections(): number;
  /** To be told when a WebSocket is over. */
  disconnected(): void;
}

/** Serves the router's routes. */
export function serveHttp(app: TemplatedApp, parts: ServeParts): Serving {
  let open = 0;
  let connections = 0;
  const account = accountant(parts);
  const onDone: OnDone = (exchange, status, durationMs) => {
    open -= 1;
    account(exchange, status, durationMs);
  };
  const count = (change: number): void => {
    connections += change;
    parts.metrics.connection(change === 1 ? 1 : -1);
  };
  const connected = (res: HttpResponse, change: number): void => {
    count(change);
    if (change !== 1 || connections <= LIMITS.http_connections.value) return;
    parts.metrics.refusedConnection();
    res.close();
  };
  app.filter((res, change) => connected(res, Number(change)));
  app.any('/*', (res, req) => {
    open += 1;
    const exchange = new Exchange(res, req, onDone);
    try {
      route(exchange, parts, open);
    } catch (error) {
      if (!(error instanceof MatrixError)) {
        parts.log.error({ request_id: exchange.id, err: error }, 'a route failed');
      }
      exchange.send(errorReply(error, exchange.id));
    }
    exchange.handedBack();
  });
  return { open: () => open, connections: () => connections, disconnected: () => count(-1) };
}

/** Measures and, at debug level, logs each answer. */
export function accountant({ metrics, log }: Pick<ServeParts, 'metrics' | 'log'>): OnDone {
  return (exchange, status, durationMs) => {
    // Anything may stand where the method stands; a label may not grow without bound.
    const method = METHODS.has(exchange.method) ? exchange.method : 'other';
    metrics.request(method, exchange.route, status, durationMs);
    if (!log.isLevelEnabled('debug')) return;
    const fields = { request_id: exchange.id, method: exchange.method, path: exchange.path, status };
    log.debug({ ...fields, subject: exchange.subject, duration_ms: durationMs }, 'request');
  };
}

/** @throws MatrixError for everything that no handler takes. */
function route(exchange: Exchange, { router, hostAllowed }: ServeParts, open: number): void {
  exchange.requireOneHost();
  const found = router.find(exchange.method, exchange.path);
  if (found.kind !== 'none') exchange.route = found.pattern;
  // Healthchecks come under whatever name an orchestrator uses, and tell nothing worth stealing.
  const isHealth = exchange.route.startsWith('/health');
  if (!isHealth && open > LIMITS.requests_in_flight.value) {
    throw new MatrixError(
      'MX_NOT_READY',
      `${LIMITS.requests_in_flight.value} other requests wait for an answer`,
    );
  }
  if (!isHealth && !hostAllowed(exchange.host)) {
    throw new MatrixError('MX_HOST_REFUSED', `The host "${exchange.host}" is not one of Matrix's names`);
  }
  if (found.kind === 'none') throw new MatrixError('MX_NOT_FOUND', `There is nothing at ${exchange.path}`);
  if (found.kind === 'method') {
    const sentence = `${exchange.path} takes ${found.allow}, not ${exchange.method}`;
    const refusal = errorReply(new MatrixError('MX_METHOD', sentence), exchange.id, { allow: found.allow });
    exchange.send(refusal);
  } else found.handler(exchange, found.params);
}
