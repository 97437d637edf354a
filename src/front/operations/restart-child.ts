import { Type } from 'typebox';
import { nearest } from '../../config/problem.js';
import { MatrixError } from '../../contract/errors.js';
import type { NodeState } from '../../contract/tree.js';
import { type OperationContext, operation } from './operation.js';

/** What is said of an outcome that is no refusal. */
const DONE = {
  restarted: (child: string) => `${child} was restarted.`,
  started: (child: string) => `${child} waited for its next try and was started now.`,
  restarting: (child: string) => `${child} is being restarted; the tree shows when it runs.`,
  under_way: (child: string) => `${child} was being restarted already.`,
} as const;

export const restartChild = operation({
  name: 'restart_child',
  title: 'Restart a child',
  summary:
    'Restarts one child of the process tree, or all threads of a family. It spends no restart budget and waits for no pause, and it also revives a child that has failed.',
  scope: 'admin',
  mutates: true,
  input: Type.Object(
    {
      child: Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'id of a node of the tree: writer, family:http, probe:http, …',
      }),
    },
    { additionalProperties: false },
  ),
  output: Type.Object({
    child: Type.String(),
    outcome: Type.Enum(Object.keys(DONE) as (keyof typeof DONE)[]),
    message: Type.String(),
  }),
  rest: { method: 'POST', path: '/supervisor/{child}/restart' },
  mcp: null,
  cli: { command: 'restart', positionals: ['child'], view: ({ message }) => ({ lines: [message] }) },
  async handler({ child }, context) {
    const outcome = await context.restartChild(child);
    if (outcome === 'unknown') throw unknownChild(child, context);
    if (outcome === 'not_wanted') {
      const why = 'it waits for what it needs, or Matrix is stopping';
      throw new MatrixError('MX_NOT_READY', `${child} is not meant to run now: ${why}`);
    }
    return { child, outcome, message: DONE[outcome](child) };
  },
});

function unknownChild(child: string, context: OperationContext): MatrixError {
  const root = context.tree();
  const ids = root === null ? [] : restartable(root);
  const isSupervisor = root !== null && [root, ...root.children].some(({ id }) => id === child);
  if (isSupervisor) {
    const sentence = `"${child}" is a supervisor and is not restarted; its children are: ${ids.join(', ')}`;
    return new MatrixError('MX_BAD_REQUEST', sentence);
  }
  const guess = nearest(child, ids);
  const hint = guess === undefined ? '' : `; did you mean ${guess}?`;
  return new MatrixError('MX_NOT_FOUND', `There is no child "${child}"${hint}`);
}

/** Ids of what can be restarted: everything but the supervisors themselves. */
function restartable(node: NodeState): readonly string[] {
  const own = node.kind === 'supervisor' ? [] : [node.id];
  return [...own, ...node.children.flatMap(restartable)];
}
