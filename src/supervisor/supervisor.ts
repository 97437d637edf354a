/**
 * A one_for_one supervisor over children that are already described: a child that ends is restarted alone, and
 * only when the restarts of all of them together exceed the supervisor's own budget does it give up. It has no
 * say in how a child is restarted: that is the child's spec.
 */
import { getHeapStatistics } from 'node:v8';
import type { Clock } from '../contract/clock.js';
import type { NodeState } from '../contract/tree.js';
import type { RestartAnswer, SupervisionEvent } from './child.js';
import { loadMeter } from './load.js';
import type { Managed } from './managed.js';
import { addRestart, inWindow, type Stamps } from './restart-window.js';

export interface SupervisorOptions {
  readonly id: string;
  readonly intensity: number;
  readonly periodMs: number;
  readonly clock: Clock;
  /** The budget is spent, or a child's own was. Called once. */
  readonly onExhausted: (reason: string) => void;
}

export class Supervisor {
  private readonly children: Managed[] = [];
  private readonly startedAt: number;
  private stamps: Stamps = [];
  private total = 0;
  private gaveUp = false;
  private readonly load = loadMeter(performance.eventLoopUtilization);

  constructor(private readonly options: SupervisorOptions) {
    this.startedAt = options.clock.now();
  }

  /** Puts a child under supervision; it is started by whoever knows when. */
  add(child: Managed): Managed {
    this.children.push(child);
    return child;
  }

  /** Every child's events pass here. What an operator wished spends no budget. */
  observe(event: SupervisionEvent): void {
    const { clock, intensity } = this.options;
    if (event.kind === 'exhausted' && event.retryMs === null)
      this.giveUp(`${event.id} spent its budget: ${event.reason}`);
    if (event.kind !== 'restarting' || event.requested) return;
    this.total += 1;
    const window = addRestart(this.stamps, clock.monotonic(), this.options);
    this.stamps = window.stamps;
    if (window.exhausted) this.giveUp(`more than ${intensity} restarts, the last of ${event.id}`);
  }

  /** Ends the children in reverse order. */
  async stop(): Promise<void> {
    for (const child of [...this.children].reverse()) await child.stop();
  }

  child(id: string): Managed | undefined {
    return this.children.find((child) => child.id === id);
  }

  /** An operator wants a child anew; see `Managed.restart`. null when there is none of that id. */
  async restart(id: string): Promise<RestartAnswer | null> {
    return (await this.child(id)?.restart('requested by an operator')) ?? null;
  }

  node(more: readonly NodeState[] = []): NodeState {
    const { id, clock, intensity, periodMs } = this.options;
    return {
      id,
      kind: 'supervisor',
      status: this.gaveUp ? 'failed' : 'running',
      startedAt: this.startedAt,
      restarts: {
        total: this.total,
        inWindow: inWindow(this.stamps, clock.monotonic(), periodMs).length,
        intensity,
        periodMs,
      },
      lastExit: null,
      // A supervisor runs on the main thread.
      eventLoopUtilisation: this.load(clock.monotonic()),
      heapUsedBytes: getHeapStatistics().used_heap_size,
      // One that stands still cannot say so; afterwards it does, by an event.
      stalledMs: null,
      backlog: 0,
      children: [...this.children.map((child) => child.node()), ...more],
    };
  }

  private giveUp(reason: string): void {
    if (this.gaveUp) return;
    this.gaveUp = true;
    this.options.onExhausted(reason);
  }
}
