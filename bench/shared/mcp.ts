import type { Bench, SideContext } from '../harness/bench.js';
import { startPeer } from '../harness/peer.js';
import type { FrontAnswer } from '../peers/front.js';
import type { McpAnswer } from '../peers/mcp.js';
import { readingSide } from './reading.js';

const SERVICES = 20;
/** An answer that is not made at once keeps a connection to itself, so only connections make it more at a time. */
const CONNECTIONS = 32;
const META = 'io.modelcontextprotocol';

/** `tools/call` of `get_status`, by one of the two ways in which the protocol's revisions carry it. */
export function mcpBench(name: string, revision: '2025-11-25' | '2026-07-28'): Bench {
  const side = async (
    context: SideContext,
    server: Awaited<ReturnType<typeof startPeer<McpAnswer>>>,
    token: string,
  ) => {
    const { port } = server.answer;
    const request = requestOf(revision, port, token);
    return readingSide(context, { server, port, request, connections: CONNECTIONS, depth: 1 });
  };
  return {
    name,
    title: `MCP get_status calls with ${SERVICES} services, revision ${revision}`,
    group: 'front',
    unit: 'call',
    compare: 'cpu',
    goal: { atLeast: 0.9 },
    peer: 'the SDK, an empty tool',
    ours: async (context) => {
      const server = await startPeer<FrontAnswer>('front', { services: SERVICES });
      return side(context, server, server.answer.token);
    },
    bare: async (context) => side(context, await startPeer<McpAnswer>('mcp', {}), 'none'),
  };
}

function requestOf(revision: string, port: number, token: string): string {
  const modern = revision === '2026-07-28';
  const meta = {
    _meta: {
      [`${META}/protocolVersion`]: revision,
      [`${META}/clientInfo`]: { name: 'bench', version: '1' },
      [`${META}/clientCapabilities`]: {},
    },
  };
  const params = { name: 'get_status', arguments: {}, ...(modern ? meta : {}) };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  const headers = [
    'POST /matrix/mcp HTTP/1.1',
    `host: 127.0.0.1:${port}`,
    `authorization: Bearer ${token}`,
    'accept: application/json, text/event-stream',
    'content-type: application/json',
    `mcp-protocol-version: ${revision}`,
    ...(modern ? ['mcp-method: tools/call', 'mcp-name: get_status'] : []),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return `${headers.join('\r\n')}\r\n\r\n${body}`;
}
