import { Type } from 'typebox';
import { MatrixError } from '../../contract/errors.js';
import type { NodeState } from '../../contract/tree.js';
import { operation } from './operation.js';

/** Written by hand: a tree refers to itself, and `contract/tree.ts` is the type it must keep to. */
const NodeSchema = Type.Unsafe<NodeState>({
  type: 'object',
  required: ['id', 'kind', 'status', 'startedAt', 'restarts', 'lastExit', 'backlog', 'children'],
  properties: { id: { type: 'string' }, kind: { type: 'string' }, status: { type: 'string' } },
});

export const getSupervisor = operation({
  name: 'get_supervisor',
  title: 'Process tree',
  summary: "Every node of Matrix's own process tree: state, restarts, last exit, load, backlog.",
  scope: 'viewer',
  mutates: false,
  input: Type.Object({}, { additionalProperties: false }),
  output: NodeSchema,
  rest: { method: 'GET', path: '/supervisor' },
  mcp: null,
  cli: {
    command: 'supervisor',
    view: (tree) => ({
      columns: ['STATUS', 'NODE', 'KIND', 'RESTARTS', 'LOOP', 'HEAP', 'BACKLOG', 'LAST EXIT'],
      rows: rowsOf(tree, 0),
      failed: tree.status === 'failed',
    }),
  },
  handler(_input, context) {
    const tree = context.tree();
    if (tree === null) throw new MatrixError('MX_NOT_READY', 'The supervisor has not reported its tree yet');
    return tree;
  },
});

function rowsOf(node: NodeState, depth: number): string[][] {
  const { eventLoopUtilisation: load, heapUsedBytes: heap, restarts } = node;
  const row = [
    node.status,
    `${'  '.repeat(depth)}${node.id}`,
    node.kind,
    `${restarts.total} (${restarts.inWindow}/${restarts.intensity})`,
    load === null ? '-' : `${Math.round(load * 100)} %`,
    heap === null ? '-' : `${Math.round(heap / 1048576)} MiB`,
    String(node.backlog),
    node.lastExit?.reason ?? '-',
  ];
  return [row, ...node.children.flatMap((child) => rowsOf(child, depth + 1))];
}
