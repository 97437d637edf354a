/**
 * One child under supervision: started, watched, restarted within its budget after a growing pause. What the
 * child is (a thread, a process, a pool) is behind `Child`; what happens when the budget is spent is the
 * supervisor's to say.
 */
import { messageOf } from '../contract/errors.js';
import type { NodeState, NodeStatus } from '../contract/tree.js';
import { Budget } from './budget.js';
import type { Child, ManagedOptions, RestartAnswer } from './child.js';
import type { Watching } from './watch.js';

/** Beats come four times a second; a loop that is merely busy is back long before this, in ms. */
const HANG_MS = 10_000;

export class Managed {
  status: NodeStatus = 'stopped';
  child: Child | null = null;
  private readonly budget: Budget;
  private startedAt: number | null = null;
  /** Monotonic; null while it does not run. */
  private runningSince: number | null = null;
  private lastExit: NodeState['lastExit'] = null;
  private timer: NodeJS.Timeout | null = null;
  private watching: Watching | null = null;
  private launching: Promise<void> = Promise.resolve();
  private stopping: Promise<void> | null = null;
  private wanted = false;
  /** Counts starts and stops that were asked for: the last one wins. */
  private orders = 0;
  /** Why the supervisor ends it; that is then the reason of its exit. */
  private killedFor: string | null = null;
  private requestedFor: string | null = null;

  constructor(private readonly options: ManagedOptions) {
    this.budget = new Budget(options);
  }

  get id(): string {
    return this.options.spec.id;
  }

  /** Resolves after the first attempt to start, whether it worked or not. A child that is up already stays. */
  async start(): Promise<void> {
    this.orders += 1;
    const order = this.orders;
    if (this.stopping !== null) await this.stopping;
    if (order !== this.orders) return;
    if (this.wanted && this.status !== 'stopped') return this.launching;
    this.wanted = true;
    return this.launch();
  }

  /** Kills a running child for what its supervisor saw (a hang); it restarts by its budget. */
  async abort(reason: string): Promise<void> {
    if (this.child === null) return;
    this.killedFor = reason;
    await this.child.kill();
  }

  /**
   * An operator wants it anew. A child that runs is asked to end and killed after `shutdownMs`, one that stands
   * still is killed at once; one that waits for its next try does not wait any longer. Spends no budget and makes
   * no pause. Resolves when it was tried to start.
   */
  async restart(reason: string): Promise<RestartAnswer> {
    if (!this.wanted) return 'not_wanted';
    const { child } = this;
    if (child !== null && this.requestedFor === null) {
      this.requestedFor = reason;
      await this.endChild((this.watching?.stalledMs ?? null) !== null);
      await this.launching;
      return this.wanted ? 'restarted' : 'not_wanted';
    }
    if (child !== null || this.status === 'starting') {
      await child?.exited;
      await this.launching;
      return 'under_way';
    }
    this.cancelTimer();
    await this.relaunch(this.lastExit?.reason ?? reason, this.status === 'backoff');
    return 'started';
  }

  /** Asks the child to end, kills it after `shutdownMs`; it is not restarted. Resolves when it is gone. */
  stop(): Promise<void> {
    this.orders += 1;
    this.wanted = false;
    this.stopping ??= this.end().finally(() => {
      this.stopping = null;
    });
    return this.stopping;
  }

  node(children: readonly NodeState[] = []): NodeState {
    const health = this.child?.health?.();
    return {
      id: this.id,
      kind: this.options.kind,
      status: this.status,
      startedAt: this.status === 'running' ? this.startedAt : null,
      restarts: this.budget.node(),
      lastExit: this.lastExit,
      eventLoopUtilisation: health?.eventLoopUtilisation ?? null,
      heapUsedBytes: health?.heapUsedBytes ?? null,
      stalledMs: this.watching?.stalledMs ?? null,
      backlog: this.options.backlog?.() ?? 0,
      children,
    };
  }

  private async end(): Promise<void> {
    this.cancelTimer();
    await this.endChild(false);
    // One that was just starting is up now, and ends too.
    await this.launching;
    await this.endChild(false);
    this.status = 'stopped';
  }

  private async endChild(atOnce: boolean): Promise<void> {
    const { child } = this;
    if (child === null) return;
    const { clock, onEvent, spec } = this.options;
    this.status = 'stopping';
    this.unwatch();
    if (atOnce) void child.kill();
    else child.stop();
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
    this.watchOver(child);
    onEvent({ kind: 'started', id: this.id, afterMs: this.runningSince - begun });
    onRunning?.(child);
  }

  private watchOver({ beats }: Child): void {
    const { id } = this;
    const { watch, hangMs, judgedElsewhere, onEvent } = this.options;
    if (watch === undefined || beats === undefined) return;
    this.watching = watch.add({
      beats,
      hangMs: hangMs ?? HANG_MS,
      onStalled: (forMs) => onEvent({ kind: 'stalled', id, forMs }),
      onRecovered: (forMs) => onEvent({ kind: 'recovered', id, forMs }),
      onHung: () => void (judgedElsewhere?.() === true || this.abort('hung')),
    });
  }

  private unwatch(): void {
    this.watching?.end();
    this.watching = null;
  }

  private cancelTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private ended(exitReason: string): void {
    const { spec, clock, onEvent, onDown } = this.options;
    const requested = this.requestedFor !== null && this.wanted;
    const reason = this.requestedFor ?? this.killedFor ?? exitReason;
    const ranMs = this.runningSince === null ? 0 : clock.monotonic() - this.runningSince;
    this.requestedFor = null;
    this.killedFor = null;
    this.runningSince = null;
    this.child = null;
    this.unwatch();
    this.lastExit = { reason, at: clock.now() };
    onDown?.(reason, requested);
    onEvent({ kind: 'exited', id: this.id, reason });
    const done = spec.restart === 'temporary' || (spec.restart === 'transient' && reason === 'normal');
    if (requested) void this.relaunch(reason, false);
    else if (!this.wanted || done) this.status = 'stopped';
    else this.again(reason, ranMs);
  }

  /** At once, on an operator's account. `counted`: this restart is in the total already. */
  private relaunch(reason: string, counted: boolean): Promise<void> {
    this.budget.forgive();
    if (!counted) this.budget.count();
    this.says(reason, 0, true);
    return this.launch();
  }

  private again(reason: string, ranMs: number): void {
    const { whenExhausted, onEvent } = this.options;
    const { exhausted, pauseMs } = this.budget.spend(ranMs);
    if (!exhausted) {
      this.status = 'backoff';
      this.budget.count();
      this.says(reason, pauseMs, false);
      this.timer = setTimeout(() => void this.launch(), pauseMs);
      return;
    }
    this.status = 'failed';
    const retryMs = whenExhausted === 'escalate' ? null : pauseMs;
    if (retryMs !== null) {
      this.timer = setTimeout(() => {
        // One attempt, not a whole new budget: the window still remembers, so the next crash fails it again.
        this.budget.count();
        this.says(reason, 0, false);
        void this.launch();
      }, retryMs);
    }
    onEvent({ kind: 'exhausted', id: this.id, reason, retryMs });
  }

  private says(reason: string, pauseMs: number, requested: boolean): void {
    const { inWindow } = this.budget;
    this.options.onEvent({ kind: 'restarting', id: this.id, reason, pauseMs, inWindow, requested });
  }
}
