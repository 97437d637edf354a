/**
 * The supervisor of one probe family: its threads, its budget, its checks in flight. Whatever happens to a
 * thread, every check that was handed over ends in a result: its own, or an `unknown` that says why not.
 */

import type { Target } from '../config/settings.js';
import type { Clock } from '../contract/clock.js';
import type { FamilySpec } from '../contract/family.js';
import { COMMON_CODES, type CommonCode, type Result } from '../contract/result.js';
import type { NodeState } from '../contract/tree.js';
import { childSpec } from './child-spec.js';
import { Managed, type SupervisionEvent } from './managed.js';
import type { ProbeMessage } from './probe-host.js';
import { type ProbeThread, startProbeThread } from './probe-thread.js';

/** A target whose time has come. */
export interface Due {
  readonly target: Target;
  readonly dueAt: number;
}

/** What came of one target's check: all its results, at once. */
export interface Outcome {
  readonly due: Due;
  readonly results: readonly Result[];
}

export interface FamilyOptions {
  readonly spec: FamilySpec;
  readonly file: URL;
  readonly clock: Clock;
  readonly logging: object;
  readonly onOutcomes: (outcomes: readonly Outcome[]) => void;
  readonly onEvent: (event: SupervisionEvent) => void;
  /** Milliseconds between due and handed over. */
  readonly onLag?: (lagMs: number) => void;
}

interface InFlight {
  readonly slot: number;
  readonly remaining: Map<string, Due>;
  readonly watchdog: NodeJS.Timeout;
}

/** A batch that outlives its largest probe timeout by this much has a hung thread, in ms. */
const HANG_MARGIN_MS = 2_000;
const THREAD_BUDGET = { intensity: 5, periodMs: 30_000, shutdownMs: 5_000 };

export class Family {
  private readonly slots: Managed[];
  private readonly flights = new Map<number, InFlight>();
  private readonly load: number[];
  private readonly concurrency: number;
  private waiting: Due[] = [];
  private nextBatch = 1;

  constructor(private readonly options: FamilyOptions) {
    const threads = options.spec.threads ?? 1;
    this.concurrency = options.spec.concurrency ?? 1000;
    this.load = new Array<number>(threads).fill(0);
    this.slots = this.load.map((_, slot) => this.makeSlot(slot, threads));
  }

  get name(): string {
    return this.options.spec.name;
  }

  /** Resolves when every thread has tried to start. */
  async start(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.start()));
  }

  /** Ends the threads; checks still in flight are reported as not judged. */
  async stop(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.stop()));
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
    return this.waiting.length + this.load.reduce((sum, count) => sum + count, 0);
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
    const { spec, file, clock, logging, onEvent } = this.options;
    const managed = new Managed({
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
          onMessage: (message) => this.received(message),
        }),
      onRunning: () => this.dispatch(),
      onDown: (reason) => this.abandon(slot, reason === 'hung' ? 'thread_hung' : 'thread_crashed'),
      onExhausted: () => this.dispatch(),
      backlog: () => this.load[slot] ?? 0,
    });
    return managed;
  }

  /** Hands waiting checks to the threads that work; a family whose threads have all failed answers for them. */
  private dispatch(): void {
    if (this.waiting.length === 0) return;
    if (this.slots.every((slot) => slot.status === 'failed')) {
      const given = this.waiting;
      this.waiting = [];
      this.options.onOutcomes(given.map((due) => this.notJudged(due, 'family_failed')));
      return;
    }
    for (;;) {
      const slot = this.idlest();
      if (slot === null || this.waiting.length === 0) return;
      const room = this.concurrency - (this.load[slot] ?? 0);
      this.hand(slot, this.waiting.splice(0, room));
    }
  }

  private idlest(): number | null {
    let best: number | null = null;
    this.slots.forEach((slot, index) => {
      const load = this.load[index] ?? 0;
      if (slot.status !== 'running' || slot.child === null || load >= this.concurrency) return;
      if (best === null || load < (this.load[best] ?? 0)) best = index;
    });
    return best;
  }

  private hand(slot: number, dues: readonly Due[]): void {
    const thread = this.slots[slot]?.child as ProbeThread | null | undefined;
    if (thread === null || thread === undefined) return;
    const { clock, onLag } = this.options;
    const batch = this.nextBatch++;
    const deadlineMs = Math.max(...dues.map((due) => due.target.timeoutMs)) + HANG_MARGIN_MS;
    const watchdog = setTimeout(() => void this.slots[slot]?.restart('hung'), deadlineMs);
    this.flights.set(batch, {
      slot,
      watchdog,
      remaining: new Map(dues.map((due) => [due.target.name, due])),
    });
    this.load[slot] = (this.load[slot] ?? 0) + dues.length;
    const now = clock.now();
    for (const due of dues) onLag?.(Math.max(0, now - due.dueAt));
    thread.run({
      batch,
      items: dues.map(({ target, dueAt }) => ({
        name: target.name,
        dueAt,
        timeoutMs: target.timeoutMs,
        config: target.config,
      })),
    });
  }

  private received(message: ProbeMessage): void {
    const flight = this.flights.get(message.batch);
    if (flight === undefined) return;
    const outcomes: Outcome[] = [];
    const results = groupByTarget(message.results);
    for (const name of message.done) {
      const due = flight.remaining.get(name);
      if (due === undefined) continue;
      flight.remaining.delete(name);
      outcomes.push({ due, results: results.get(name) ?? [] });
    }
    this.load[flight.slot] = (this.load[flight.slot] ?? 0) - outcomes.length;
    if (flight.remaining.size === 0) this.land(message.batch, flight);
    this.options.onOutcomes(outcomes);
    this.dispatch();
  }

  /** The thread is gone: what it still held is answered here. */
  private abandon(slot: number, code: CommonCode): void {
    const outcomes: Outcome[] = [];
    for (const [batch, flight] of this.flights) {
      if (flight.slot !== slot) continue;
      for (const due of flight.remaining.values()) outcomes.push(this.notJudged(due, code));
      this.land(batch, flight);
    }
    this.load[slot] = 0;
    if (outcomes.length > 0) this.options.onOutcomes(outcomes);
  }

  private land(batch: number, flight: InFlight): void {
    clearTimeout(flight.watchdog);
    this.flights.delete(batch);
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

function groupByTarget(results: readonly Result[]): Map<string, Result[]> {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const group = groups.get(result.target);
    if (group === undefined) groups.set(result.target, [result]);
    else group.push(result);
  }
  return groups;
}
