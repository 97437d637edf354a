/**
 * `POST /matrix/mcp`: the official SDK behind web-standard requests. A protocol server is made per request, as
 * its transports demand, but everything it serves was made once.
 */
import {
  createMcpHandler,
  isLegacyRequest,
  type McpRequestContext,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import type { Logger } from 'pino';
import { MatrixError, messageOf } from '../../contract/errors.js';
import type { Authenticator } from '../auth.js';
import { auditRefusal, type Dispatch } from '../dispatch.js';
import type { Exchange } from '../http/exchange.js';
import { errorReply, jsonReply } from '../http/reply.js';
import type { Operation } from '../operations/operation.js';
import { MAX_BODY_BYTES } from '../rest.js';
import { callTool, type ToolCaller, toolList } from './tools.js';
import { answerWith, type MakeRequest, webRequest } from './web.js';

export interface McpParts {
  readonly operations: readonly Operation[];
  readonly authenticator: Authenticator;
  readonly dispatch: Dispatch;
  readonly version: string;
  readonly log: Logger;
}

export interface McpEndpoint {
  handle(exchange: Exchange): void;
  close(): Promise<void>;
}

/** Builds the endpoint; `handle` must be called before the route handler returns. */
export function mcpEndpoint(parts: McpParts): McpEndpoint {
  const makeServer = serverFactory(parts);
  const onerror = (error: Error) => parts.log.debug(`mcp: ${error.message}`);
  const modern = createMcpHandler(makeServer, {
    legacy: 'reject',
    maxRequestBodySize: MAX_BODY_BYTES,
    onerror,
  });

  const respond = async (request: Request, parsedBody: unknown, caller: ToolCaller): Promise<Response> => {
    const authInfo = {
      token: '',
      clientId: caller.principal.subject,
      scopes: [caller.principal.role],
      extra: { caller },
    };
    const options = { authInfo, parsedBody };
    if (!(await isLegacyRequest(request, parsedBody))) return modern.fetch(request, options);
    // Revisions up to 2025-11-25. One JSON answer instead of the stream that the SDK's own fallback opens:
    // no tool here says anything before its result.
    const server = makeServer({ era: 'legacy', authInfo, requestInfo: request });
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
    await server.connect(transport);
    try {
      return await transport.handleRequest(request, options);
    } finally {
      await server.close();
    }
  };

  const serve = async (exchange: Exchange, request: MakeRequest, body: Promise<Buffer>) => {
    try {
      const principal = await parts.authenticator.verify(exchange.authorization);
      exchange.subject = principal.subject;
      const caller = { principal, requestId: exchange.id };
      const bytes = await body;
      const parsed = parse(bytes);
      // A body that is no JSON is left to the SDK, which knows the error for it.
      const response = await respond(request(parsed === undefined ? bytes : null), parsed, caller);
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
        code: ProtocolErrorCode.InternalError,
        message: 'Something went wrong inside Matrix',
      };
      exchange.send(jsonReply(500, { jsonrpc: '2.0', id: null, error: problem }));
    }
  };

  return {
    handle: (exchange) => void serve(exchange, webRequest(exchange), exchange.readBody(MAX_BODY_BYTES)),
    close: () => modern.close(),
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

/** Makes servers whose every answer was prepared once. */
function serverFactory({ operations, dispatch, version }: McpParts): (context: McpRequestContext) => Server {
  const info = { name: 'matrix', title: 'Matrix', version };
  const tools = [...toolList(operations)];
  const outputs = new Map(tools.map((tool) => [tool.name, tool.outputSchema]));
  return (context) => {
    const caller = context.authInfo?.extra?.['caller'] as ToolCaller;
    const server = new Server(info, { capabilities: { tools: {} } });
    server.setRequestHandler('tools/list', () => ({ tools }));
    server.setRequestHandler('tools/call', async ({ params }) => {
      const result = await callTool(operations, dispatch, caller, params);
      if (result === null) {
        const known = tools.map((tool) => tool.name).join(', ');
        throw new ProtocolError(
          ProtocolErrorCode.InvalidParams,
          `Unknown tool "${params.name}"; there are ${known}`,
        );
      }
      return server.projectCallToolResult(result, outputs.get(params.name));
    });
    return server;
  };
}
