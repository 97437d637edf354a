/** The process tree in words, row by row, for every view of it. Pure. */
import type { NodeState } from '../../contract/tree.js';
import { roughly } from './words.js';

/** Trees come every second: one older than this is not live, in ms. */
export const FRESH_MS = 3_000;

export interface TreeRow {
  readonly node: NodeState;
  /** 0 for the root. */
  readonly depth: number;
  /** `stalled` in the place of `running` while its event loop stands still. */
  readonly status: string;
  /** In all and, of its budget, those that still count: `3 (1/5)`; `-` where there is nothing to count. */
  readonly restarts: string;
  readonly loop: string;
  readonly heap: string;
  readonly backlog: string;
  readonly up: string;
  /** How long ago and why; `-` for a node that has never ended. */
  readonly lastExit: string;
}

/** @param nowMs by the clock of the server, whose instants the tree has. */
export function treeRows(node: NodeState, nowMs: number, depth = 0): readonly TreeRow[] {
  const { eventLoopUtilisation: load, heapUsedBytes: heap, lastExit } = node;
  const row: TreeRow = {
    node,
    depth,
    status: statusOf(node),
    restarts: restartsOf(node),
    loop: load === null ? '-' : `${Math.round(load * 100)} %`,
    heap: heap === null ? '-' : `${Math.round(heap / 1_048_576)} MiB`,
    backlog: node.kind === 'supervisor' && node.backlog === 0 ? '-' : String(node.backlog),
    up: node.startedAt === null ? '-' : roughly(nowMs - node.startedAt),
    lastExit: lastExit === null ? '-' : `${roughly(nowMs - lastExit.at)} ago: ${lastExit.reason}`,
  };
  return [row, ...node.children.flatMap((child) => treeRows(child, nowMs, depth + 1))];
}

function statusOf({ status, stalledMs }: NodeState): string {
  return status === 'running' && stalledMs !== null ? `stalled ${roughly(stalledMs)}` : status;
}

function restartsOf({ restarts: { total, inWindow, intensity } }: NodeState): string {
  if (intensity !== null) return `${total} (${inWindow}/${intensity})`;
  return total === 0 ? '-' : String(total);
}
