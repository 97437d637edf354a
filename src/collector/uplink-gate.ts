/**
 * Keeps a dead uplink from looking like two hundred dead services. It stands between the probe threads and the
 * queue: while the uplink is down, failures of checks that cross it become `unknown` with that cause. A failure
 * that came before the uplink was last looked at is held until it has been, since the first thing a dying uplink
 * does is to fail the check that happened to be due. Holding is bounded in time and number; a check that passes
 * is never doubted. Everything is compared on the monotonic clock, so that no step of the wall clock excuses or
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

interface Held {
  readonly results: readonly Result[];
  readonly began: number;
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
  private readonly held = new Set<Held>();
  /** Targets that failed last time while the uplink worked: they are down by themselves, no need to ask again. */
  private readonly downByThemselves = new Set<string>();

  constructor(private readonly options: GateOptions) {}

  /** The newest word on the uplink; null before the first. */
  get uplink(): Attribution | null {
    return this.attribution;
  }

  get backlog(): number {
    return this.held.size;
  }

  /** Takes the results of one probe call, and when that began in monotonic ms. */
  take(results: readonly Result[], began: number): void {
    this.forgetOldWords();
    const verdict = results.find((result) => result.attribution !== undefined);
    if (verdict?.attribution !== undefined) {
      this.options.onResults(results);
      this.judged(verdict.attribution, began);
      return;
    }
    const suspect = results.find(
      (result) => result.verdict === 'fail' && this.options.overUplink(result.target),
    );
    if (suspect === undefined) {
      for (const result of results) this.downByThemselves.delete(result.target);
      this.options.onResults(results);
    } else if (this.isFresh(began) || this.isKnown(suspect) || !this.options.checkUplink()) {
      this.release(results, began);
    } else {
      this.hold(results, began);
    }
  }

  /** Targets that are watched: what is remembered of others is forgotten. */
  keep(targets: ReadonlySet<string>): void {
    for (const name of this.downByThemselves) if (!targets.has(name)) this.downByThemselves.delete(name);
  }

  /** Lets everything go as it is: Matrix is stopping. */
  close(): void {
    for (const held of [...this.held]) this.let(held);
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
    return this.attribution?.state === 'up' && this.downByThemselves.has(suspect.target);
  }

  /** The uplink was looked at after these checks began, so its verdict covers them. */
  private isFresh(began: number): boolean {
    return began <= this.judgedAt;
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
    for (const held of [...this.held]) {
      if (this.isFresh(held.began) || attribution.state === 'down') this.let(held);
      else this.options.checkUplink();
    }
  }

  private hold(results: readonly Result[], began: number): void {
    const timer = setTimeout(() => this.let(held), this.options.holdMs());
    const held: Held = { results, began, timer };
    this.held.add(held);
    const [oldest] = this.held;
    if (this.held.size > LIMITS.held_checks.value && oldest !== undefined) this.let(oldest);
  }

  private let(held: Held): void {
    clearTimeout(held.timer);
    if (this.held.delete(held)) this.release(held.results, held.began);
  }

  private release(results: readonly Result[], began: number): void {
    this.options.onResults(results.map((result) => this.judge(result, began)));
  }

  /** A check that began while the uplink was down failed because of it, also when it ended after. */
  private judge(result: Result, began: number): Result {
    const { outage } = this;
    if (result.verdict !== 'fail' || !this.options.overUplink(result.target)) return result;
    if (outage === null || (outage.endedAt !== null && began >= outage.endedAt)) {
      this.downByThemselves.add(result.target);
      return result;
    }
    return { ...result, verdict: 'unknown', code: 'uplink_down', detail: `not judged: ${outage.sentence}` };
  }
}
