import type { NodeState, NodeStatus } from '../contract/tree.js';

/** From the one that needs attention most; a family is what the worst of its threads is. */
const WORST: readonly NodeStatus[] = ['failed', 'backoff', 'starting', 'stopping', 'running', 'stopped'];

/** The node of a family above those of its threads, of which there is at least one. Pure. */
export function familyNode(name: string, backlog: number, children: readonly NodeState[]): NodeState {
  const sum = (pick: (node: NodeState) => number | null): number =>
    children.reduce((total, node) => total + (pick(node) ?? 0), 0);
  const stalls = children.flatMap(({ stalledMs }) => (stalledMs === null ? [] : [stalledMs]));
  return {
    id: `family:${name}`,
    kind: 'family',
    status: statusOf(children.map(({ status }) => status)),
    startedAt: earliest(children),
    restarts: {
      total: sum(({ restarts }) => restarts.total),
      inWindow: sum(({ restarts }) => restarts.inWindow),
      // Each thread has a budget of its own; together they have all of them.
      intensity: sum(({ restarts }) => restarts.intensity),
      periodMs: children[0]?.restarts.periodMs ?? null,
    },
    lastExit: newestExit(children),
    eventLoopUtilisation: null,
    heapUsedBytes: null,
    stalledMs: stalls.length === 0 ? null : Math.max(...stalls),
    backlog,
    children,
  };
}

/** A family that still has a thread is not failed: the one that is waits for its next try, like one in backoff. */
function statusOf(statuses: readonly NodeStatus[]): NodeStatus {
  if (statuses.every((status) => status === 'failed')) return 'failed';
  const seen = statuses.map((status): NodeStatus => (status === 'failed' ? 'backoff' : status));
  return WORST.find((status) => seen.includes(status)) ?? 'stopped';
}

function earliest(nodes: readonly NodeState[]): number | null {
  const starts = nodes.flatMap(({ startedAt }) => (startedAt === null ? [] : [startedAt]));
  return starts.length === 0 ? null : Math.min(...starts);
}

/** Of the threads' last exits, or null when none has ended yet. */
function newestExit(nodes: readonly NodeState[]): NodeState['lastExit'] {
  return nodes
    .map(({ lastExit }) => lastExit)
    .reduce(
      (newest, exit) => (newest === null || (exit !== null && exit.at > newest.at) ? exit : newest),
      null,
    );
}
