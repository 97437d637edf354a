/**
 * `POST /matrix/mcp`: who may come in, what is read of them, and what they hear when that fails. The protocol itself is
 * the SDK's (`sdk.ts`).
 */
import { MatrixError, messageOf } from '../../contract/errors.js';
import { LIMITS } from '../../contract/limits.js';
import type { Authenticator } from '../auth.js';
import { auditRefusal } from '../dispatch.js';
import type { Exchange } from '../http/exchange.js';
import { errorReply, jsonReply } from '../http/reply.js';
import type { Sdk, SdkParts } from './sdk.js';
import { answerWith, type MakeRequest, webRequest } from './web.js';

/** JSON-RPC 2.0, section 5.1. */
const INTERNAL_ERROR = -32603;

export interface McpParts extends SdkParts {
  readonly authenticator: Authenticator;
}

export interface McpEndpoint {
  handle(exchange: Exchange): void;
  /** Loads the SDK before the first request asks for it. */
  warm(): Promise<void>;
  close(): Promise<void>;
}

/** Builds the endpoint; `handle` must be called before the route handler returns. */
export function mcpEndpoint(parts: McpParts): McpEndpoint {
  let loading: Promise<Sdk> | null = null;
  const sdk = (): Promise<Sdk> => {
    loading ??= import('./sdk.js').then(({ mcpSdk }) => mcpSdk(parts));
    return loading;
  };

  const serve = async (exchange: Exchange, request: MakeRequest, body: Promise<Buffer>) => {
    try {
      const principal = await parts.authenticator.verify(exchange.authorization);
      exchange.subject = principal.subject;
      const caller = { principal, requestId: exchange.id };
      const bytes = await body;
      const parsed = parse(bytes);
      // A body that is no JSON is left to the SDK, which knows the error for it.
      const response = await (await sdk()).respond(
        request(parsed === undefined ? bytes : null),
        parsed,
        caller,
      );
      await answerWith(exchange, response);
    } catch (error) {
      if (error instanceof MatrixError) {
        const close = error.code === 'MX_TOO_LARGE';
        if (error.code === 'MX_UNAUTHENTICATED') {
          auditRefusal(parts.log, { request_id: exchange.id, via: 'mcp' }, error);
        }
        exchange.send(errorReply(error, exchange.id), close);
        return;
      }
      parts.log.error({ request_id: exchange.id, err: error }, `mcp failed: ${messageOf(error)}`);
      const problem = {
        code: INTERNAL_ERROR,
        message: 'Something went wrong inside Matrix',
      };
      exchange.send(jsonReply(500, { jsonrpc: '2.0', id: null, error: problem }));
    }
  };

  return {
    handle: (exchange) =>
      void serve(exchange, webRequest(exchange), exchange.readBody(LIMITS.request_body.value)),
    warm: async () => void (await sdk()),
    close: async () => {
      if (loading !== null) await (await loading).close();
    },
  };
}

/** Parsed once here, where the SDK would clone and read the request for each of its steps. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
