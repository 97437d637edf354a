import { Type } from 'typebox';
import { MatrixError } from '../../contract/errors.js';
import type { NodeState } from '../../contract/tree.js';
import { operation } from './operation.js';
import { FRESH_MS, treeRows } from './tree-rows.js';
import { roughly } from './words.js';

/** The root of the tree, with the age of the whole. */
export interface AgedTree extends NodeState {
  /** How long before this answer the supervisor reported it, in ms. */
  readonly age_ms: number;
}

/** Written by hand: a tree refers to itself, and `contract/tree.ts` is the type it must keep to. */
const NodeSchema = Type.Unsafe<AgedTree>({
  type: 'object',
  required: [
    'id',
    'kind',
    'status',
    'startedAt',
    'restarts',
    'lastExit',
    'stalledMs',
    'backlog',
    'children',
    'age_ms',
  ],
  properties: {
    id: { type: 'string' },
    kind: { type: 'string' },
    status: { type: 'string' },
    age_ms: { type: 'integer', description: 'how long ago the supervisor reported this tree, in ms' },
  },
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
      lines:
        tree.age_ms < FRESH_MS
          ? []
          : [`As of ${roughly(tree.age_ms)} ago: the supervisor has not reported since.`],
      columns: ['STATUS', 'NODE', 'KIND', 'RESTARTS', 'LOOP', 'HEAP', 'BACKLOG', 'UP', 'LAST EXIT'],
      rows: treeRows(tree, Date.now()).map((row) => [
        row.status,
        `${'  '.repeat(row.depth)}${row.node.id}`,
        row.node.kind,
        row.restarts,
        row.loop,
        row.heap,
        row.backlog,
        row.up,
        row.lastExit,
      ]),
      failed: tree.status === 'failed',
    }),
  },
  handler(_input, context) {
    const tree = context.tree();
    if (tree === null) throw new MatrixError('MX_NOT_READY', 'The supervisor has not reported its tree yet');
    return { ...tree, age_ms: Math.round(context.treeAgeMs()) };
  },
});
