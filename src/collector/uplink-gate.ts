/**
 * Keeps a dead uplink from looking like two hundred dead services. It stands between the probe threads and the
 * queue: while the uplink is down, failures of checks that cross it become `unknown` with that cause. A failure
 * is held until the uplink has been looked at after it: the first thing a dying uplink does is to fail the check that
 * happens to be due, and a look while that check still waited says nothing of the moment at which it gave up. Holding is bounded in time and number; a check that passes
 * is never doubted, but waits behind one of the same target that is held: results of a target keep their order, or
 * its outage would be history before it was told. Everything is compared on the monotonic clock, so that no step of the wall clock excuses or
 * blames anybody.
 */
import type { Clock } from '../contract/clock.js';
import { LIMITS } from '../contract/limits.js';
import type { Attribution, Result } from '../contract/result.js';

export interface GateOptions {
  readonly clock: Clock;
  /** Whether the target of a result is reached over the uplink. */
  readonly overUplink: (target: string) => boolean;
  /** Asks for a check of the uplink now; false when none is configured. */
  readonly checkUplink: () => boolean;
  /** Takes results on, those of one probe call together. */
  readonly onResults: (results: readonly Result[]) => void;
  /** Longest a failure is held, in ms: an uplink check takes at most this. */
  readonly holdMs: () => number;
  /** How long a word on the uplink is believed when no other follows, in ms; 0 when nothing speaks of it. */
  readonly trustMs: () => number;
}

/** What one probe call said, when it began and when it had ended, in monotonic ms. */
interface Call {
  readonly results: readonly Result[];
  readonly began: number;
  readonly ended: number;
}

/** The calls of one target that wait, in order. */
interface Held {
  readonly first: Call;
  readonly later: Call[];
  readonly timer: NodeJS.Timeout;
}

/** No check that began during an outage ends later than this after it, in ms. */
const AFTERMATH_MS = 600_000;

export class UplinkGate {
  private attribution: Attribution | null = null;
  /** When the check began whose word that is. */
  private judgedAt = Number.NEGATIVE_INFINITY;
  private heardAt = Number.NEGATIVE_INFINITY;
  /** The newest outage of the uplink: what it was, and the start of the check that first saw it work again. */
  private outage: { sentence: string; endedAt: number | null } | null = null;
  private readonly held = new Map<string, Held>();
  private heldCalls = 0;
  private closed = false;
  /**
   * Targets that failed last time while the uplink worked, and how: they are down by themselves, and as long as they
   * fail in the same way there is no need to ask again.
   */
  private readonly downByThemselves = new Map<string, string | undefined>();

  constructor(private readonly options: GateOptions) {}

  /** The newest word on the uplink; null before the first. */
  get uplink(): Attribution | null {
    return this.attribution;
  }

  get backlog(): number {
    return this.heldCalls;
  }

  /** Takes the results of one probe call, and when that began in monotonic ms. */
  take(results: readonly Result[], began: number): void {
    this.weigh({ results, began, ended: this.options.clock.monotonic() });
  }

  private weigh(call: Call): void {
    const { results, began } = call;
    this.forgetOldWords();
    const verdict = results.find((result) => result.attribution !== undefined);
    if (verdict?.attribution !== undefined) {
      this.options.onResults(results);
      this.judged(verdict.attribution, began);
      return;
    }
    const before = this.held.get(results[0]?.target ?? '');
    const suspect = results.find(
      (result) => result.verdict === 'fail' && this.options.overUplink(result.target),
    );
    if (before !== undefined) {
      before.later.push(call);
      this.heldCalls += 1;
      this.keepBound();
    } else if (suspect === undefined) {
      for (const result of results) this.downByThemselves.delete(result.target);
      this.options.onResults(results);
    } else if (this.closed || this.isCovered(call) || this.isKnown(suspect) || !this.options.checkUplink()) {
      this.release(results, began);
    } else {
      this.hold(suspect.target, call);
    }
  }

  /** Targets that are watched: what is remembered of others is forgotten. */
  keep(targets: ReadonlySet<string>): void {
    for (const name of this.downByThemselves.keys())
      if (!targets.has(name)) this.downByThemselves.delete(name);
  }

  /** Lets everything go as it is: Matrix is stopping. */
  close(): void {
    this.closed = true;
    for (const target of [...this.held.keys()]) this.let(target);
  }

  /** An uplink that is not looked at any more must not excuse failures for ever. */
  private forgetOldWords(): void {
    const sinceMs = this.options.clock.monotonic() - this.heardAt;
    if (sinceMs > this.options.trustMs()) {
      this.attribution = null;
      this.judgedAt = Number.NEGATIVE_INFINITY;
      this.outage = null;
    }
  }

  private isKnown(suspect: Result): boolean {
    const { target, code } = suspect;
    const known = this.downByThemselves.has(target) && this.downByThemselves.get(target) === code;
    return this.attribution?.state === 'up' && known;
  }

  /** The uplink was looked at after this had ended. */
  private isCovered({ ended }: Call): boolean {
    return ended <= this.judgedAt;
  }

  private judged(attribution: Attribution, began: number): void {
    if (attribution.state === 'down') {
      this.outage = { sentence: attribution.sentence, endedAt: null };
    } else if (this.outage !== null) {
      if (this.outage.endedAt === null) this.outage = { ...this.outage, endedAt: began };
      else if (began - this.outage.endedAt > AFTERMATH_MS) this.outage = null;
    }
    this.attribution = attribution;
    this.judgedAt = began;
    this.heardAt = this.options.clock.monotonic();
    for (const [target, held] of [...this.held]) {
      if (this.isCovered(held.first) || attribution.state === 'down') this.let(target);
      else this.options.checkUplink();
    }
  }

  private hold(target: string, first: Call): void {
    const timer = setTimeout(() => this.let(target), this.options.holdMs());
    this.held.set(target, { first, later: [], timer });
    this.heldCalls += 1;
    this.keepBound();
  }

  private keepBound(): void {
    const [oldest] = this.held.keys();
    if (this.heldCalls > LIMITS.held_checks.value && oldest !== undefined) this.let(oldest);
  }

  /** Lets the first call of a target go as it is, and looks at the ones behind it anew. */
  private let(target: string): void {
    const held = this.held.get(target);
    if (held === undefined) return;
    clearTimeout(held.timer);
    this.held.delete(target);
    this.heldCalls -= 1 + held.later.length;
    this.release(held.first.results, held.first.began);
    for (const call of held.later) this.weigh(call);
  }

  private release(results: readonly Result[], began: number): void {
    this.options.onResults(results.map((result) => this.judge(result, began)));
  }

  /** A check that began while the uplink was down failed because of it, also when it ended after. */
  private judge(result: Result, began: number): Result {
    const { outage } = this;
    if (result.verdict !== 'fail' || !this.options.overUplink(result.target)) return result;
    if (outage === null || (outage.endedAt !== null && began >= outage.endedAt)) {
      this.downByThemselves.set(result.target, result.code);
      return result;
    }
    return { ...result, verdict: 'unknown', code: 'uplink_down', detail: `not judged: ${outage.sentence}` };
  }
}
