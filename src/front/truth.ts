/**
 * The front's live state: takes changes in, at most once a tick turns what came into one new snapshot and one
 * delta, and keeps the status serialised so that a read is a copy of bytes.
 */
import type { Changes } from '../../schema/messages.js';
import type { Alert, Check, Status } from '../../schema/wire.js';
import { LIMITS } from '../contract/limits.js';
import { type DeltaMessage, type LiveStatus, overallOf } from '../snapshot/client.js';
import { type DeltaBody, deltaBetween, deltaOf } from '../snapshot/delta.js';
import { EMPTY_SNAPSHOT, type LoadedSnapshot, rebase, reduceAll, type Snapshot } from '../snapshot/reduce.js';
import { NO_RESULTS } from './operations/get-status.js';

/** Changes within this time go out as one delta. */
const TICK_MS = 100;

export interface TruthOptions {
  readonly customerId: string;
  readonly deployColor: string | null;
  /** Gets each delta once, already serialised. */
  onDelta(seq: number, bytes: Buffer): void;
}

export class Truth {
  /** Numbers of deltas mean something only within an epoch: a restarted front begins anew. */
  readonly epoch = Math.random().toString(36).slice(2, 12);
  readonly #options: TruthOptions;
  #snapshot: Snapshot = EMPTY_SNAPSHOT;
  #seq = 0;
  #generatedAt = new Date().toISOString();
  #pending: Changes[] = [];
  #timer: NodeJS.Timeout | null = null;
  #lastTickMs = Number.NEGATIVE_INFINITY;
  #sorted: readonly Check[] | null = null;
  #status: { readonly bytes: Buffer; readonly etag: string } | null = null;

  constructor(options: TruthOptions) {
    this.#options = options;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Unacknowledged, newest first. */
  get alerts(): readonly Alert[] {
    return this.#snapshot.alerts;
  }

  get seq(): number {
    return this.#seq;
  }

  /** Changes that wait for the next tick. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Takes changes in; they show within a tick, at once when the last tick is long ago. */
  offer(changes: Changes): void {
    this.#pending.push(changes);
    if (this.#pending.length >= LIMITS.pending_changes.value) this.flush();
    if (this.#timer !== null || this.#pending.length === 0) return;
    const waitMs = Math.max(0, this.#lastTickMs + TICK_MS - performance.now());
    this.#timer = setTimeout(() => this.flush(), waitMs);
  }

  /** Makes everything that was offered visible now. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#pending.length === 0) return;
    this.#lastTickMs = performance.now();
    const changes = this.#pending;
    this.#pending = [];
    const after = reduceAll(this.#snapshot, changes);
    this.#become(after, deltaOf(this.#snapshot, after, changes));
  }

  /**
   * Replaces the base by what the store says, keeping results that the store has not got yet.
   * @param other true when it is another database than before, whose revisions do not compare.
   */
  load(loaded: LoadedSnapshot, other: boolean): void {
    this.flush();
    const base = other ? { ...this.#snapshot, rev: EMPTY_SNAPSHOT.rev, cycle: null } : this.#snapshot;
    const after = rebase(base, loaded);
    this.#become(after, deltaBetween(this.#snapshot, after));
  }

  /** What a WebSocket client gets as status; services in the order of their names. */
  liveStatus(): LiveStatus {
    const { cycle, checks } = this.#snapshot;
    return {
      customer_id: this.#options.customerId,
      deploy_color: this.#options.deployColor,
      generated_at: this.#generatedAt,
      cycle,
      overall: overallOf(checks.values()),
      checks: this.#checks(),
    };
  }

  /** The report of `get_status`; null before the first cycle, unless live results show that there is something to say. */
  status(): Status | null {
    const status = this.liveStatus();
    const tells = status.cycle !== null || status.checks.some(({ stored }) => !stored);
    return tells ? { ...status, checks: [...status.checks] } : null;
  }

  /** The same as JSON bytes, made at most once per tick and only when somebody reads. */
  statusBytes(): { readonly bytes: Buffer; readonly etag: string } {
    this.#status ??= {
      bytes: Buffer.from(JSON.stringify(this.status() ?? { message: NO_RESULTS })),
      etag: `"${this.epoch}-${this.#seq}"`,
    };
    return this.#status;
  }

  /** Stops the timer; for a process or a test that ends. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #checks(): readonly Check[] {
    this.#sorted ??= [...this.#snapshot.checks.values()].sort((a, b) => (a.service < b.service ? -1 : 1));
    return this.#sorted;
  }

  #become(after: Snapshot, delta: DeltaBody | null): void {
    this.#snapshot = after;
    if (delta === null) return;
    this.#sorted = null;
    this.#status = null;
    this.#seq += 1;
    this.#generatedAt = new Date().toISOString();
    const head = {
      type: 'delta',
      epoch: this.epoch,
      seq: this.#seq,
      generated_at: this.#generatedAt,
    } as const;
    const message: DeltaMessage = { ...head, ...delta };
    this.#options.onDelta(this.#seq, Buffer.from(JSON.stringify(message)));
  }
}
