/** Everything the front answers over HTTP, on one router. */
import type { FrontInit } from '../../schema/messages.js';
import { MatrixError } from '../contract/errors.js';
import type { Logger } from '../log/logger.js';
import { LIVE_PATH } from '../snapshot/client.js';
import { Authenticator, type Principal } from './auth.js';
import { dispatcher } from './dispatch.js';
import type { Health } from './health.js';
import type { Exchange } from './http/exchange.js';
import { errorReply } from './http/reply.js';
import { Router } from './http/router.js';
import { type McpEndpoint, mcpEndpoint } from './mcp/endpoint.js';
import type { Metrics } from './metrics.js';
import type { OperationContext } from './operations/operation.js';
import { OPERATIONS } from './operations/registry.js';
import { addPageRoutes } from './page.js';
import { type Access, addRestRoutes, principalOf } from './rest.js';
import { validator } from './validate.js';

export interface SurfaceParts {
  readonly init: FrontInit;
  readonly log: Logger;
  readonly health: Health;
  readonly metrics: Metrics;
  context(principal: Principal): OperationContext;
}

export interface Surfaces {
  readonly router: Router;
  readonly mcp: McpEndpoint;
  readonly access: Access;
}

/** Builds REST, MCP, health, metrics and the page. */
export async function surfaces({ init, log, health, metrics, context }: SurfaceParts): Promise<Surfaces> {
  const router = new Router();
  const access: Access = {
    authenticator: new Authenticator(init.jwtSecret),
    anonymousRead: init.anonymousRead,
  };
  const dispatch = dispatcher({
    validate: validator(OPERATIONS),
    log,
    context,
    measure: (operation, via, outcome) => metrics.operation(operation, via, outcome),
  });
  const mcp = mcpEndpoint({ operations: OPERATIONS, ...access, dispatch, version: init.version, log });
  addRestRoutes(router, { operations: OPERATIONS, ...access, dispatch, log, context });
  router.add('POST', '/matrix/mcp', (exchange) => mcp.handle(exchange));
  router.add('GET', '/health', (exchange) => exchange.send(health.live()));
  router.add('GET', '/health/ready', (exchange) => exchange.send(health.ready(exchange.id)));
  router.add('GET', '/metrics', (exchange) => void sendMetrics(exchange, metrics, access));
  router.add('GET', LIVE_PATH, () => {
    throw new MatrixError('MX_BAD_REQUEST', 'This path speaks WebSocket');
  });
  await addPageRoutes(router);
  return { router, mcp, access };
}

async function sendMetrics(exchange: Exchange, metrics: Metrics, access: Access): Promise<void> {
  try {
    await principalOf(exchange.authorization, access);
    const headers = { 'content-type': metrics.contentType, 'cache-control': 'no-store' };
    exchange.send({ status: 200, headers, body: await metrics.render() });
  } catch (error) {
    exchange.send(errorReply(error, exchange.id));
  }
}
