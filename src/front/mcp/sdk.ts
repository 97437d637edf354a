/**
 * The official SDK. A protocol server is made per request, as its transports demand, but everything it serves was made
 * once. Loaded apart from the rest of the front, which need not wait for it to serve.
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
import { LIMITS } from '../../contract/limits.js';
import type { Logger } from '../../log/logger.js';
import type { Dispatch } from '../dispatch.js';
import type { Operation } from '../operations/operation.js';
import { callTool, type ToolCaller, toolList } from './tools.js';

export interface SdkParts {
  readonly operations: readonly Operation[];
  readonly dispatch: Dispatch;
  readonly version: string;
  readonly log: Logger;
}

export interface Sdk {
  /** Answers a request of a caller who may come in; `parsedBody` is undefined when it is no JSON. */
  respond(request: Request, parsedBody: unknown, caller: ToolCaller): Promise<Response>;
  close(): Promise<void>;
}

export function mcpSdk(parts: SdkParts): Sdk {
  const makeServer = serverFactory(parts);
  const onerror = (error: Error) => parts.log.debug(`mcp: ${error.message}`);
  const modern = createMcpHandler(makeServer, {
    legacy: 'reject',
    maxRequestBodySize: LIMITS.request_body.value,
    onerror,
  });
  const respond: Sdk['respond'] = async (request, parsedBody, caller) => {
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

  return { respond, close: () => modern.close() };
}

/** Makes servers whose every answer was prepared once. */
function serverFactory({ operations, dispatch, version }: SdkParts): (context: McpRequestContext) => Server {
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
