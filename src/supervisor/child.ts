/** What a supervisor knows of a child, what it is told to do with it, and what it says about it. */
import type { Clock } from '../contract/clock.js';
import type { NodeState } from '../contract/tree.js';
import type { ChildSpec } from './child-spec.js';
import type { Watch } from './watch.js';

/** A started child. */
export interface Child {
  /** Resolves once, when it is gone for whatever reason; `normal` is a clean end. Never rejects. */
  readonly exited: Promise<string>;
  /** Asks it to end. */
  stop(): void;
  /** Ends it now; resolves when it is gone. */
  kill(): Promise<void>;
  /** Signs of life so far, as a number that only has to change; 0 before the first. */
  readonly beats?: () => number;
  readonly health?: () => {
    readonly eventLoopUtilisation: number | null;
    readonly heapUsedBytes: number | null;
  };
}

export interface ManagedOptions {
  readonly spec: ChildSpec;
  readonly kind: NodeState['kind'];
  readonly clock: Clock;
  /** Starts it; rejecting counts as an exit. Resolves when the child works. */
  readonly start: () => Promise<Child>;
  /**
   * What a spent budget means: `escalate` tells and stays down; `pause` keeps the child `failed` for a growing
   * time and then tries again.
   */
  readonly whenExhausted: 'escalate' | 'pause';
  /** See `Budget`. */
  readonly failedPauseMs?: number;
  readonly onEvent: (event: SupervisionEvent) => void;
  readonly onRunning?: (child: Child) => void;
  /** `requested`: it ended because an operator wished it anew. */
  readonly onDown?: (reason: string, requested: boolean) => void;
  readonly backlog?: () => number;
  readonly random?: () => number;
  /** Looks whether the child's event loop moves; without it nobody does. */
  readonly watch?: Watch | undefined;
  /** A child that has stood still for this long hangs and is killed, in ms; default 10,000. */
  readonly hangMs?: number;
  /** Whether something else judges just now if the child hangs. */
  readonly judgedElsewhere?: () => boolean;
}

/** `id` is the node's name in the tree. */
export type SupervisionEvent =
  | { readonly kind: 'started'; readonly id: string; readonly afterMs: number }
  | { readonly kind: 'exited'; readonly id: string; readonly reason: string }
  | {
      readonly kind: 'restarting';
      readonly id: string;
      /** Of the exit that it follows. */
      readonly reason: string;
      readonly pauseMs: number;
      readonly inWindow: number;
      /** An operator wished it: it spends nobody's budget. */
      readonly requested: boolean;
    }
  | {
      readonly kind: 'exhausted';
      readonly id: string;
      readonly reason: string;
      readonly retryMs: number | null;
    }
  | { readonly kind: 'killed'; readonly id: string; readonly afterMs: number }
  /** Its event loop has stood still for so long, and still does. */
  | { readonly kind: 'stalled'; readonly id: string; readonly forMs: number }
  /** It moves again, after so long. */
  | { readonly kind: 'recovered'; readonly id: string; readonly forMs: number }
  /** The main thread itself stood still; known only afterwards. */
  | { readonly kind: 'main_stalled'; readonly id: string; readonly forMs: number };

/**
 * What became of an operator's wish to restart a child. `restarted`: it ran and was replaced; `started`: it waited
 * for its next try, and does not any longer; `under_way`: it was starting or being replaced already; `not_wanted`:
 * it is not meant to run now.
 */
export type RestartAnswer = 'restarted' | 'started' | 'under_way' | 'not_wanted';
