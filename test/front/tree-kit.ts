/** A process tree as main reports it, small and of any shape a test wants. */
import type { NodeState } from '../../src/contract/tree.js';

export function node(id: string, more: Partial<NodeState> = {}): NodeState {
  return {
    id,
    kind: 'thread',
    status: 'running',
    startedAt: Date.UTC(2026, 0, 2),
    restarts: { total: 0, inWindow: 0, intensity: 5, periodMs: 30_000 },
    lastExit: null,
    eventLoopUtilisation: 0.25,
    heapUsedBytes: 20 * 1_048_576,
    stalledMs: null,
    backlog: 0,
    children: [],
    ...more,
  };
}

/** The shape of a real one: core children, and a family with its thread. */
export function tree(writer: Partial<NodeState> = {}): NodeState {
  const probe = node('probe:http', { backlog: 3 });
  const family = node('family:http', { kind: 'family', children: [probe] });
  const families = node('families', {
    kind: 'supervisor',
    startedAt: null,
    restarts: { total: 0, inWindow: 0, intensity: null, periodMs: 0 },
    children: [family],
  });
  const front = node('front', { kind: 'process' });
  return node('root', { kind: 'supervisor', children: [node('writer', writer), front, families] });
}
