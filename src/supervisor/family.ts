/**
 * The supervisor of one probe family: its threads, its budget, its checks in flight. Whatever happens to a
 * thread, every check that was handed over ends in a result: its own, or an `unknown` that says why not.
 */

import type { Clock } from '../contract/clock.js';
import type { FamilySpec } from '../contract/family.js';
import { COMMON_CODES, type CommonCode, type Result } from '../contract/result.js';
import type { NodeState } from '../contract/tree.js';
import { childSpec } from './child-spec.js';
import type { Due, Outcome } from './due.js';
import { Flights } from './flights.js';
import { Managed, type SupervisionEvent } from './managed.js';
import type { ProbeMessage } from './probe-host.js';
import { type ProbeThread, startProbeThread } from './probe-thread.js';

export interface FamilyOptions {
  readonly spec: FamilySpec;
  readonly file: URL;
  readonly clock: Clock;
  readonly logging: object;
  readonly onOutcomes: (outcomes: readonly Outcome[]) => void;
  readonly onEvent: (event: SupervisionEvent) => void;
  /** Milliseconds between due and handed over. */
  readonly onLag?: (lagMs: number) => void;
  /** How long a thread may take to load, in ms; default 15,000. */
  readonly readyMs?: number;
  /** Checks that no thread takes within this time are answered as not judged, in ms; default 10,000. */
  readonly stallMs?: number;
}

const READY_MS = 15_000;
const STALL_MS = 10_000;
const THREAD_BUDGET = { intensity: 5, periodMs: 30_000, shutdownMs: 5_000 };

export class Family {
  private readonly slots: Managed[];
  private readonly flights: Flights;
  private readonly concurrency: number;
  private waiting: Due[] = [];
  private stall: NodeJS.Timeout | null = null;
  private stopping = false;

  constructor(private readonly options: FamilyOptions) {
    const threads = options.spec.threads ?? 1;
    this.concurrency = options.spec.concurrency ?? 1000;
    this.flights = new Flights(threads, (slot) => void this.slots[slot]?.restart('hung'));
    this.slots = Array.from({ length: threads }, (_, slot) => this.makeSlot(slot, threads));
  }

  get name(): string {
    return this.options.spec.name;
  }

  /** Whether every thread has spent its budget: nothing of this family is judged until one works again. */
  get failed(): boolean {
    return this.slots.every((slot) => slot.status === 'failed');
  }

  /** Resolves when every thread has tried to start. */
  async start(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.start()));
  }

  /** Ends the threads; checks not answered by then end without a result, since nothing can be said of them. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.slots.map((slot) => slot.stop()));
    this.dispatch();
  }

  /** Takes checks; each will be answered by exactly one `Outcome`. */
  submit(due: readonly Due[]): void {
    this.waiting.push(...due);
    this.dispatch();
  }

  /** Kills the family's threads; they restart by their budget. */
  async restart(reason: string): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.restart(reason)));
  }

  get backlog(): number {
    return this.waiting.length + this.flights.size;
  }

  node(): NodeState {
    const children = this.slots.map((slot) => slot.node());
    const worst = ['failed', 'backoff', 'starting', 'stopping', 'running', 'stopped'] as const;
    const sum = (pick: (node: NodeState) => number): number =>
      children.reduce((total, node) => total + pick(node), 0);
    return {
      id: `family:${this.name}`,
      kind: 'family',
      status: worst.find((status) => children.some((child) => child.status === status)) ?? 'stopped',
      startedAt: children[0]?.startedAt ?? null,
      restarts: {
        total: sum((node) => node.restarts.total),
        inWindow: sum((node) => node.restarts.inWindow),
        intensity: THREAD_BUDGET.intensity,
        periodMs: THREAD_BUDGET.periodMs,
      },
      lastExit: children.map((child) => child.lastExit).find((exit) => exit !== null) ?? null,
      eventLoopUtilisation: null,
      heapUsedBytes: null,
      backlog: this.backlog,
      children,
    };
  }

  private makeSlot(slot: number, threads: number): Managed {
    const { options } = this;
    const { spec, file, clock, logging, onEvent } = options;
    return new Managed({
      spec: childSpec({
        id: threads === 1 ? `probe:${spec.name}` : `probe:${spec.name}:${slot}`,
        ...THREAD_BUDGET,
      }),
      kind: 'thread',
      clock,
      whenExhausted: 'pause',
      onEvent,
      start: () =>
        startProbeThread({
          file,
          family: spec.name,
          logging,
          readyMs: options.readyMs ?? READY_MS,
          onMessage: (message) => this.received(message),
        }),
      onRunning: () => this.dispatch(),
      onDown: (reason) =>
        this.giveUp(this.flights.abandon(slot), reason === 'hung' ? 'thread_hung' : 'thread_crashed'),
      onExhausted: () => this.dispatch(),
      backlog: () => this.flights.loadOf(slot),
    });
  }

  /** Hands waiting checks to the threads that work, or answers for a family that has none. */
  private dispatch(): void {
    if (this.stopping || this.failed) this.giveUp(this.waiting.splice(0), 'family_failed');
    for (let slot = this.idlest(); slot !== null && this.waiting.length > 0; slot = this.idlest()) {
      this.hand(slot, this.slots[slot]?.child as ProbeThread);
    }
    this.watchForStall();
  }

  private isUp(slot: Managed): boolean {
    return slot.status === 'running' && slot.child !== null;
  }

  /** The working thread with the least in flight, if it has room. */
  private idlest(): number | null {
    let best: number | null = null;
    this.slots.forEach((slot, index) => {
      const load = this.flights.loadOf(index);
      if (!this.isUp(slot) || load >= this.concurrency) return;
      if (best === null || load < this.flights.loadOf(best)) best = index;
    });
    return best;
  }

  private hand(slot: number, thread: ProbeThread): void {
    const { clock, onLag } = this.options;
    const dues = this.takeBatch(this.concurrency - this.flights.loadOf(slot));
    const now = clock.now();
    for (const due of dues) onLag?.(Math.max(0, now - due.dueAt));
    thread.run({
      batch: this.flights.begin(slot, dues),
      items: dues.map(({ target, dueAt }) => ({
        name: target.name,
        dueAt,
        timeoutMs: target.timeoutMs,
        config: target.config,
      })),
    });
  }

  /** A fair share of what waits, at most `room`; a target that waits twice is in two batches. */
  private takeBatch(room: number): Due[] {
    const up = this.slots.filter((slot) => this.isUp(slot)).length;
    const share = Math.min(room, Math.ceil(this.waiting.length / up));
    const batch = new Map<string, Due>();
    this.waiting = this.waiting.filter((due) => {
      if (batch.size >= share || batch.has(due.target.name)) return true;
      batch.set(due.target.name, due);
      return false;
    });
    return [...batch.values()];
  }

  /** A thread that never comes up must not leave its services as they were for ever. */
  private watchForStall(): void {
    const stalled = this.waiting.length > 0 && !this.slots.some((slot) => this.isUp(slot));
    if (!stalled && this.stall !== null) {
      clearTimeout(this.stall);
      this.stall = null;
    } else if (stalled) {
      this.stall ??= setTimeout(() => {
        this.stall = null;
        this.giveUp(this.waiting.splice(0), 'thread_hung');
      }, this.options.stallMs ?? STALL_MS);
    }
  }

  private received(message: ProbeMessage): void {
    const outcomes = this.flights.answered(message);
    if (outcomes.length > 0) this.options.onOutcomes(outcomes);
    this.dispatch();
  }

  /** Answers checks that nobody will make. */
  private giveUp(dues: readonly Due[], code: CommonCode): void {
    if (dues.length === 0) return;
    const outcome = this.stopping
      ? (due: Due): Outcome => ({ due, results: [] })
      : (due: Due): Outcome => this.notJudged(due, code);
    this.options.onOutcomes(dues.map(outcome));
  }

  private notJudged(due: Due, code: CommonCode): Outcome {
    const { name } = due.target;
    const result: Result = {
      service: name,
      family: this.name,
      target: name,
      dueAt: due.dueAt,
      startedAt: due.dueAt,
      durationMs: Math.max(0, this.options.clock.now() - due.dueAt),
      verdict: 'unknown',
      code,
      detail: COMMON_CODES[code],
    };
    return { due, results: [result] };
  }
}
