/** State of one node of the process tree, as operators see it. Times are epoch ms, windows per child spec. */
export type NodeStatus = 'starting' | 'running' | 'backoff' | 'failed' | 'stopping' | 'stopped';

export interface NodeState {
  readonly id: string;
  readonly kind: 'supervisor' | 'thread' | 'process' | 'family';
  readonly status: NodeStatus;
  readonly startedAt: number | null;
  readonly restarts: {
    readonly total: number;
    readonly inWindow: number;
    /** null for a supervisor that has no budget of its own. */
    readonly intensity: number | null;
    readonly periodMs: number | null;
  };
  readonly lastExit: { readonly reason: string; readonly at: number } | null;
  /** Event-loop utilisation over the last sample, 0..1; null where the node has no loop of its own. */
  readonly eventLoopUtilisation: number | null;
  readonly heapUsedBytes: number | null;
  /** How long its event loop has stood still, in ms; null while it moves, or where nobody looks. */
  readonly stalledMs: number | null;
  /** Work accepted and not finished: checks in flight and waiting, jobs, spool entries. */
  readonly backlog: number;
  readonly children: readonly NodeState[];
}
