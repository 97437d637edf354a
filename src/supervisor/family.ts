/**
 * The supervisor of one probe family: its threads, its budget, its checks in flight. Whatever happens to a
 * thread, every check that was handed over ends in a result: its own, or an `unknown` that says why not.
 */

import type { Clock } from '../contract/clock.js';
import type { FamilySpec } from '../contract/family.js';
import { LIMITS } from '../contract/limits.js';
import type { CommonCode } from '../contract/result.js';
import type { NodeState } from '../contract/tree.js';
import type { RestartAnswer, SupervisionEvent } from './child.js';
import { childSpec } from './child-spec.js';
import type { Due, Outcome } from './due.js';
import { familyNode } from './family-node.js';
import { Flights } from './flights.js';
import { Lanes } from './lanes.js';
import { Managed } from './managed.js';
import { notJudged } from './not-judged.js';
import type { ProbeMessage } from './probe-host.js';
import { type ProbeThread, startProbeThread } from './probe-thread.js';
import type { Watch } from './watch.js';

export interface FamilyOptions {
  readonly spec: FamilySpec;
  readonly file: URL;
  readonly clock: Clock;
  readonly logging: object;
  readonly onOutcomes: (outcomes: readonly Outcome[]) => void;
  readonly onEvent: (event: SupervisionEvent) => void;
  /** Milliseconds between due and handed over. */
  readonly onLag?: (lagMs: number) => void;
  /** Looks whether the threads' event loops move; without it only a batch's deadline tells. */
  readonly watch?: Watch | undefined;
  /** How long a thread may take to load, in ms; default 15,000. */
  readonly readyMs?: number;
  /** Checks that no thread takes within this time are answered as not judged, in ms; default 10,000. */
  readonly stallMs?: number;
  /** A thread without a batch whose loop stands still for this long is ended, in ms; default 10,000. */
  readonly hangMs?: number;
}

const READY_MS = 15_000;
const STALL_MS = 10_000;
const THREAD_BUDGET = { intensity: 5, periodMs: 30_000, shutdownMs: 5_000 };
const REQUESTED = 'requested by an operator';
/** What is said of several threads that were asked at once. */
const MOST_DONE: readonly RestartAnswer[] = ['restarted', 'started', 'under_way', 'not_wanted'];

export class Family {
  private readonly slots: Managed[];
  private readonly flights: Flights;
  private readonly lanes: Lanes;
  private readonly concurrency: number;
  private waiting: Due[] = [];
  private stall: NodeJS.Timeout | null = null;
  private stopping = false;

  constructor(private readonly options: FamilyOptions) {
    const threads = options.spec.threads ?? 1;
    this.concurrency = options.spec.concurrency ?? LIMITS.checks_per_thread.value;
    this.lanes = new Lanes(threads, this.concurrency);
    this.flights = new Flights(threads, (slot) => void this.slots[slot]?.abort('hung'));
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

  /** Ends the threads; checks not answered by then are answered as `interrupted`. */
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

  /**
   * An operator wants its threads anew: all of them by `family:NAME`, one by the id of its node. What they held is
   * asked once more. Resolves with what became of it when they were tried to start; null when no node has that id.
   */
  async restart(id: string): Promise<RestartAnswer | null> {
    const all = id === `family:${this.name}`;
    const slots = this.slots.filter((slot) => all || slot.id === id);
    const answers = await Promise.all(slots.map((slot) => slot.restart(REQUESTED)));
    return MOST_DONE.find((answer) => answers.includes(answer)) ?? null;
  }

  get backlog(): number {
    return this.waiting.length + this.flights.size;
  }

  node(): NodeState {
    return familyNode(
      this.name,
      this.backlog,
      this.slots.map((slot) => slot.node()),
    );
  }

  private makeSlot(slot: number, threads: number): Managed {
    const { options } = this;
    const { spec, file, clock, logging, watch } = options;
    return new Managed({
      spec: childSpec({
        id: threads === 1 ? `probe:${spec.name}` : `probe:${spec.name}:${slot}`,
        ...THREAD_BUDGET,
      }),
      kind: 'thread',
      clock,
      whenExhausted: 'pause',
      watch,
      ...(options.hangMs === undefined ? {} : { hangMs: options.hangMs }),
      // A batch has its own deadline, and never a shorter one: its timeout and a margin.
      judgedElsewhere: () => this.flights.loadOf(slot) > 0,
      onEvent: (event) => this.supervised(event),
      start: () =>
        startProbeThread({
          file,
          family: spec.name,
          logging,
          readyMs: options.readyMs ?? READY_MS,
          onMessage: (message) => this.received(message),
        }),
      onRunning: () => this.dispatch(),
      onDown: (reason, requested) => this.lost(slot, reason, requested),
      backlog: () => this.flights.loadOf(slot),
    });
  }

  private supervised(event: SupervisionEvent): void {
    this.options.onEvent(event);
    if (event.kind === 'exhausted') this.dispatch();
  }

  /** A thread is gone: what it held is asked again when that was an operator's wish, and is not judged otherwise. */
  private lost(slot: number, reason: string, requested: boolean): void {
    const dues = this.flights.abandon(slot);
    this.lanes.clear(slot);
    if (requested) this.waiting.unshift(...dues);
    else this.giveUp(dues, reason === 'hung' ? 'thread_hung' : 'thread_crashed');
  }

  /** Hands waiting checks to the threads that work, or answers for a family that has none. */
  private dispatch(): void {
    if (this.stopping || this.failed) this.giveUp(this.waiting.splice(0), 'family_failed');
    for (let slot = this.idlest(); slot !== null && this.waiting.length > 0; slot = this.idlest()) {
      if (!this.hand(slot, this.slots[slot]?.child as ProbeThread)) break;
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

  /** False when none of what waits may be in flight now. */
  private hand(slot: number, thread: ProbeThread): boolean {
    const { clock, onLag } = this.options;
    const dues = this.takeBatch(slot);
    if (dues.length === 0) return false;
    const now = clock.monotonic();
    for (const due of dues) onLag?.(Math.max(0, now - due.ready.monotonicMs));
    thread.run({
      batch: this.flights.begin(slot, dues),
      items: dues.map(({ target, dueAt }) => ({
        name: target.name,
        dueAt,
        timeoutMs: target.timeoutMs,
        config: target.config,
      })),
    });
    return true;
  }

  /** A fair share of what waits, as far as there is room; a target that waits twice is in two batches. */
  private takeBatch(slot: number): Due[] {
    const room = this.concurrency - this.flights.loadOf(slot);
    const up = this.slots.filter((slot) => this.isUp(slot)).length;
    const share = Math.min(room, Math.ceil(this.waiting.length / up));
    const batch = new Map<string, Due>();
    this.waiting = this.waiting.filter((due) => {
      if (batch.size >= share || batch.has(due.target.name) || !this.lanes.enter(slot, due)) return true;
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
    this.lanes.answered(outcomes);
    if (outcomes.length > 0) this.options.onOutcomes(outcomes);
    this.dispatch();
  }

  /** Answers checks that nobody will make. */
  private giveUp(dues: readonly Due[], code: CommonCode): void {
    if (dues.length === 0) return;
    const why = this.stopping ? 'interrupted' : code;
    const now = this.options.clock.monotonic();
    this.options.onOutcomes(dues.map((due) => notJudged(due, why, this.name, now)));
  }
}
