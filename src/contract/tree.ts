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
    readonly intensity: number;
    readonly periodMs: number;
  };
  readonly lastExit: { readonly reason: string; readonly at: number } | null;
  /** Event-loop utilisation over the last sample, 0..1; null where the node has no loop of its own. */
  readonly eventLoopUtilisation: number | null;
  readonly heapUsedBytes: number | null;
  /** Work accepted and not finished: checks in flight and waiting, jobs, spool entries. */
  readonly backlog: number;
  readonly children: readonly NodeState[];
}
