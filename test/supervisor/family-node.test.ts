/** What operators read of a family with several threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeState, NodeStatus } from '../../src/contract/tree.js';
import { familyNode } from '../../src/supervisor/family-node.js';

const thread = (status: NodeStatus, more: Partial<NodeState> = {}): NodeState => ({
  id: 'probe:http:0',
  kind: 'thread',
  status,
  startedAt: null,
  restarts: { total: 0, inWindow: 0, intensity: 5, periodMs: 30_000 },
  lastExit: null,
  eventLoopUtilisation: 0.5,
  heapUsedBytes: 1,
  stalledMs: null,
  backlog: 0,
  children: [],
  ...more,
});
const statusOf = (...statuses: NodeStatus[]): NodeStatus =>
  familyNode(
    'http',
    0,
    statuses.map((status) => thread(status)),
  ).status;

test('it is failed only when no thread is left to it', () => {
  assert.equal(statusOf('failed', 'failed'), 'failed');
  assert.equal(statusOf('failed', 'running'), 'backoff');
  assert.equal(statusOf('backoff', 'running'), 'backoff');
  assert.equal(statusOf('starting', 'running'), 'starting');
  assert.equal(statusOf('running', 'running'), 'running');
  assert.equal(statusOf('stopped'), 'stopped');
});

test('its figures are those of its threads together: restarts against all their budgets, the newest exit, the longest stall', () => {
  const counts = (total: number, inWindow: number) => ({ total, inWindow, intensity: 5, periodMs: 30_000 });
  const older = { reason: 'boom', at: 1_000 };
  const newer = { reason: 'hung', at: 2_000 };
  const node = familyNode('http', 7, [
    thread('running', { restarts: counts(3, 2), lastExit: older, startedAt: 50, stalledMs: 1_200 }),
    thread('running', { restarts: counts(6, 4), lastExit: newer, startedAt: 40 }),
    thread('running', { restarts: counts(0, 0), stalledMs: 3_000 }),
  ]);
  assert.deepEqual(node.restarts, { total: 9, inWindow: 6, intensity: 15, periodMs: 30_000 });
  assert.deepEqual(
    [node.id, node.lastExit, node.startedAt, node.stalledMs, node.backlog],
    ['family:http', newer, 40, 3_000, 7],
  );
});
