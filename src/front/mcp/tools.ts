/** The MCP view of the registry: tools, made once, and what a call answers. */
import type { CallToolResult, Tool } from '@modelcontextprotocol/server';
import { MatrixError } from '../../contract/errors.js';
import type { Principal } from '../auth.js';
import type { Dispatch } from '../dispatch.js';
import type { Operation } from '../operations/operation.js';
import { fieldSchema } from '../operations/registry.js';

export interface ToolCaller {
  readonly principal: Principal;
  readonly requestId: string;
}

/** The tools as `tools/list` tells them. */
export function toolList(operations: readonly Operation[]): readonly Tool[] {
  return operations.filter((operation) => operation.mcp !== null).map(toolOf);
}

/**
 * Calls a tool. Everything that the caller can put right (a wrong argument, an unknown id, a role that is too
 * low, a database that is down) is a result with `isError`, as the protocol asks, so that an agent reads it.
 * @returns null when there is no such tool.
 */
export async function callTool(
  operations: readonly Operation[],
  dispatch: Dispatch,
  caller: ToolCaller,
  call: { readonly name: string; readonly arguments?: Record<string, unknown> | undefined },
): Promise<CallToolResult | null> {
  const operation = operations.find((candidate) => candidate.mcp !== null && candidate.name === call.name);
  if (operation?.mcp == null) return null;
  try {
    const sent = call.arguments ?? {};
    const hidden = operation.mcp.hide?.find((field) => field in sent);
    if (hidden !== undefined) throw new MatrixError('MX_BAD_REQUEST', `${hidden} is not a known field`);
    const output = await dispatch({
      operation,
      input: { ...operation.mcp.defaults, ...sent },
      via: 'mcp',
      ...caller,
    });
    const text = operation.text(output) ?? JSON.stringify(output);
    return { content: [{ type: 'text', text }], structuredContent: output as Record<string, unknown> };
  } catch (error) {
    return { content: [{ type: 'text', text: problemText(error, caller.requestId) }], isError: true };
  }
}

function problemText(error: unknown, requestId: string): string {
  const known =
    error instanceof MatrixError
      ? error
      : new MatrixError('MX_INTERNAL', 'Something went wrong inside Matrix');
  return `${known.message}. ${known.next} (${known.code}, request_id ${requestId})`;
}

function toolOf(operation: Operation): Tool {
  const { properties, required = [] } = plain(operation.input) as Tool['inputSchema'];
  const hidden = new Set(operation.mcp?.hide);
  const fields = Object.entries(properties ?? {}).filter(([name]) => !hidden.has(name));
  // A field with a default need not be given, whatever the type says about it once defaults are in.
  const needed = required.filter(
    (name) => !hidden.has(name) && fieldSchema(operation, name).default === undefined,
  );
  return {
    name: operation.name,
    title: operation.title,
    description: operation.summary,
    inputSchema: {
      type: 'object',
      properties: Object.fromEntries(fields),
      ...(needed.length > 0 ? { required: [...needed] } : {}),
      additionalProperties: false,
    },
    // The protocol wants an object at the root, also where the answer is one of several.
    outputSchema: { ...plain(operation.output), type: 'object' },
    annotations: {
      readOnlyHint: !operation.mutates,
      destructiveHint: operation.destructive ?? false,
      idempotentHint: true,
      openWorldHint: false,
    },
  };
}

/** The schema as JSON has it, without what TypeBox keeps beside. */
function plain(schema: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(schema)) as Record<string, unknown>;
}
