/** The bare MCP peer: the SDK with one empty tool, everything made once, behind the least HTTP that carries it. */

import type * as Uws from 'uWebSockets.js';
import {
  createMcpHandler,
  isLegacyRequest,
  Server,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { loadUws } from '../../src/front/uws.js';
import { servePeer } from '../harness/peer.js';

export interface McpAnswer {
  readonly port: number;
}

const INFO = { name: 'bare', version: '0.0.0' };
const TOOLS = [{ name: 'get_status', inputSchema: { type: 'object' as const, properties: {} } }];

function makeServer(): Server {
  const server = new Server(INFO, { capabilities: { tools: {} } });
  server.setRequestHandler('tools/list', () => ({ tools: TOOLS }));
  server.setRequestHandler('tools/call', () => ({ content: [] }));
  return server;
}

const modern = createMcpHandler(makeServer, { legacy: 'reject' });

async function respond(request: Request): Promise<Response> {
  if (!(await isLegacyRequest(request))) return modern.fetch(request);
  const server = makeServer();
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  try {
    return await transport.handleRequest(request);
  } finally {
    await server.close();
  }
}

function serve(res: Uws.HttpResponse, req: Uws.HttpRequest): void {
  const headers = new Headers();
  req.forEach((name, value) => {
    headers.append(name, value);
  });
  let gone = false;
  const chunks: Buffer[] = [];
  res.onAborted(() => {
    gone = true;
  });
  res.onData((chunk, isLast) => {
    chunks.push(Buffer.from(new Uint8Array(chunk)));
    if (isLast) void answer();
  });
  const answer = async (): Promise<void> => {
    const body = new Uint8Array(Buffer.concat(chunks));
    const response = await respond(
      new Request('http://127.0.0.1/matrix/mcp', { method: 'POST', headers, body }),
    );
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (gone) return;
    res.cork(() => {
      res.writeStatus(String(response.status));
      res.end(bytes);
    });
  };
}

servePeer<object>(async (): Promise<McpAnswer> => {
  const uws = (await loadUws()) as unknown as typeof Uws;
  return new Promise<McpAnswer>((resolve, reject) => {
    uws
      .App()
      .post('/*', serve)
      .listen('127.0.0.1', 0, (socket) => {
        if (socket === false) reject(new Error('cannot listen'));
        else resolve({ port: uws.us_socket_local_port(socket as unknown as Uws.us_socket) });
      });
  });
});
