/**
 * One child under supervision: started, watched, restarted within its budget after a growing pause. What the
 * child is (a thread, a process, a pool) is behind `Child`; what happens when the budget is spent is the
 * supervisor's to say.
 */
import type { Clock } from '../contract/clock.js';
import { messageOf } from '../contract/errors.js';
import type { NodeState, NodeStatus } from '../contract/tree.js';
import { type ChildSpec, pauseMs } from './child-spec.js';
import { addRestart, inWindow, type Stamps } from './restart-window.js';

/** A started child. */
export interface Child {
  /** Resolves once, when it is gone for whatever reason; `normal` is a clean end. Never rejects. */
  readonly exited: Promise<string>;
  /** Asks it to end. */
  stop(): void;
  /** Ends it now; resolves when it is gone. */
  kill(): Promise<void>;
  readonly health?: () => {
    readonly eventLoopUtilisation: number | null;
    readonly heapUsedBytes: number | null;
  };
}

export type SupervisionEvent =
  | { readonly kind: 'started'; readonly id: string; readonly afterMs: number }
  | { readonly kind: 'exited'; readonly id: string; readonly reason: string }
  | { readonly kind: 'restarting'; readonly id: string; readonly pauseMs: number; readonly inWindow: number }
  | {
      readonly kind: 'exhausted';
      readonly id: string;
      readonly reason: string;
      readonly retryMs: number | null;
    }
  | { readonly kind: 'killed'; readonly id: string; readonly afterMs: number };

export interface ManagedOptions {
  readonly spec: ChildSpec;
  readonly kind: NodeState['kind'];
  readonly clock: Clock;
  /** Starts it; rejecting counts as an exit. Resolves when the child works. */
  readonly start: () => Promise<Child>;
  /**
   * What a spent budget means: `escalate` hands the reason to `onExhausted` and stays down; `pause` keeps the
   * child `failed` for a growing time and then tries again.
   */
  readonly whenExhausted: 'escalate' | 'pause';
  /** First pause of a failed child, in ms; doubles up to ten minutes. Default 5,000. */
  readonly failedPauseMs?: number;
  readonly onEvent: (event: SupervisionEvent) => void;
  readonly onRunning?: (child: Child) => void;
  readonly onDown?: (reason: string) => void;
  readonly onExhausted?: (reason: string) => void;
  readonly backlog?: () => number;
  readonly random?: () => number;
}

const MAX_FAILED_PAUSE_MS = 600_000;

export class Managed {
  status: NodeStatus = 'stopped';
  child: Child | null = null;
  private stamps: Stamps = [];
  private total = 0;
  private inARow = 0;
  private failures = 0;
  private startedAt: number | null = null;
  /** Monotonic; null while it does not run. */
  private runningSince: number | null = null;
  private lastExit: NodeState['lastExit'] = null;
  private timer: NodeJS.Timeout | null = null;
  private launching: Promise<void> = Promise.resolve();
  private wanted = false;
  private expectedReason: string | null = null;

  constructor(private readonly options: ManagedOptions) {}

  get id(): string {
    return this.options.spec.id;
  }

  /** Resolves after the first attempt to start, whether it worked or not. A child that is up already stays. */
  start(): Promise<void> {
    if (this.wanted && this.status !== 'stopped') return this.launching;
    this.wanted = true;
    return this.launch();
  }

  /**
   * Kills the child because of what the supervisor saw (a hang, an admin's wish); it restarts by its budget. One
   * that waits for its next start does not wait any longer.
   */
  async restart(reason: string): Promise<void> {
    if (this.child !== null) {
      this.expectedReason = reason;
      await this.child.kill();
    } else if (this.cancelTimer()) {
      await this.launch();
    }
  }

  /** Asks the child to end, kills it after `shutdownMs`; it is not restarted. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.wanted = false;
    this.cancelTimer();
    await this.endChild();
    // One that was just starting is up now, and ends too.
    await this.launching;
    await this.endChild();
    this.status = 'stopped';
  }

  node(children: readonly NodeState[] = []): NodeState {
    const { spec, clock, backlog } = this.options;
    const health = this.child?.health?.();
    return {
      id: spec.id,
      kind: this.options.kind,
      status: this.status,
      startedAt: this.status === 'running' ? this.startedAt : null,
      restarts: {
        total: this.total,
        inWindow: inWindow(this.stamps, clock.monotonic(), spec.periodMs).length,
        intensity: spec.intensity,
        periodMs: spec.periodMs,
      },
      lastExit: this.lastExit,
      eventLoopUtilisation: health?.eventLoopUtilisation ?? null,
      heapUsedBytes: health?.heapUsedBytes ?? null,
      backlog: backlog?.() ?? 0,
      children,
    };
  }

  private async endChild(): Promise<void> {
    const { child } = this;
    if (child === null) return;
    const { clock, onEvent, spec } = this.options;
    this.status = 'stopping';
    child.stop();
    const begun = clock.monotonic();
    const timer = setTimeout(() => {
      onEvent({ kind: 'killed', id: this.id, afterMs: clock.monotonic() - begun });
      void child.kill();
    }, spec.shutdownMs);
    await child.exited;
    clearTimeout(timer);
  }

  private launch(): Promise<void> {
    this.launching = this.launchOnce();
    return this.launching;
  }

  private async launchOnce(): Promise<void> {
    const { clock, start, onEvent, onRunning } = this.options;
    this.timer = null;
    this.status = 'starting';
    const begun = clock.monotonic();
    let child: Child;
    try {
      child = await start();
    } catch (error) {
      this.ended(`start failed: ${messageOf(error)}`);
      return;
    }
    this.child = child;
    void child.exited.then((reason) => this.ended(reason));
    if (!this.wanted) return;
    this.status = 'running';
    this.startedAt = clock.now();
    this.runningSince = clock.monotonic();
    onEvent({ kind: 'started', id: this.id, afterMs: this.runningSince - begun });
    onRunning?.(child);
  }

  private cancelTimer(): boolean {
    if (this.timer === null) return false;
    clearTimeout(this.timer);
    this.timer = null;
    return true;
  }

  private ended(exitReason: string): void {
    const { spec, clock, onEvent, onDown } = this.options;
    const reason = this.expectedReason ?? exitReason;
    const ranMs = this.runningSince === null ? 0 : clock.monotonic() - this.runningSince;
    this.expectedReason = null;
    this.runningSince = null;
    this.child = null;
    this.lastExit = { reason, at: clock.now() };
    onDown?.(reason);
    onEvent({ kind: 'exited', id: this.id, reason });
    if (
      !this.wanted ||
      spec.restart === 'temporary' ||
      (spec.restart === 'transient' && reason === 'normal')
    ) {
      this.status = 'stopped';
      return;
    }
    // A child that ran for a whole period has earned a short pause and a forgiving `failed` again.
    if (ranMs > spec.periodMs) {
      this.inARow = 0;
      this.failures = 0;
    }
    const window = addRestart(this.stamps, clock.monotonic(), spec);
    this.stamps = window.stamps;
    if (window.exhausted) this.exhausted(reason);
    else this.scheduleRestart();
  }

  private scheduleRestart(): void {
    const { spec, onEvent, random } = this.options;
    this.inARow += 1;
    this.total += 1;
    this.status = 'backoff';
    const pause = pauseMs(spec.backoff, this.inARow, (random ?? Math.random)());
    onEvent({ kind: 'restarting', id: this.id, pauseMs: pause, inWindow: this.stamps.length });
    this.timer = setTimeout(() => void this.launch(), pause);
  }

  private exhausted(reason: string): void {
    const { whenExhausted, onEvent, onExhausted, failedPauseMs, random } = this.options;
    this.status = 'failed';
    if (whenExhausted === 'escalate') {
      onEvent({ kind: 'exhausted', id: this.id, reason, retryMs: null });
    } else {
      const backoff = {
        initialMs: failedPauseMs ?? 5_000,
        maxMs: MAX_FAILED_PAUSE_MS,
        factor: 2,
        jitter: 0.2,
      };
      this.failures += 1;
      const retryMs = pauseMs(backoff, this.failures, (random ?? Math.random)());
      onEvent({ kind: 'exhausted', id: this.id, reason, retryMs });
      this.timer = setTimeout(() => {
        // One attempt, not a whole new budget: the window still remembers, so the next crash fails it again.
        this.total += 1;
        void this.launch();
      }, retryMs);
    }
    onExhausted?.(reason);
  }
}
