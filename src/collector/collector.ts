/**
 * The collecting half of Matrix: says when targets are due, has them probed in their family's threads, and puts
 * the results into the queue. It runs on the main thread and does nothing slow there.
 */
import type { MetricSample } from '../../schema/messages.js';
import type { Target } from '../config/settings.js';
import type { Clock } from '../contract/clock.js';
import type { FamilySpec } from '../contract/family.js';
import type { CommonCode, Result } from '../contract/result.js';
import type { NodeState } from '../contract/tree.js';
import type { Producer } from '../queue/producer.js';
import type { RestartAnswer, SupervisionEvent } from '../supervisor/child.js';
import type { Due, Outcome } from '../supervisor/due.js';
import { Family } from '../supervisor/family.js';
import type { Watch } from '../supervisor/watch.js';
import { doubted, handedOver, onOneClock } from './began.js';
import { type Before, NOTHING_BEFORE } from './continuity.js';
import { Lag } from './lag.js';
import { collectorSamples } from './samples.js';
import { familyDown, familyGone, familyUp } from './self.js';
import { Ticker } from './ticker.js';
import { UplinkGate } from './uplink-gate.js';

export interface CollectorOptions {
  readonly clock: Clock;
  readonly cycleMs: number;
  readonly families: ReadonlyMap<string, FamilySpec>;
  readonly probeFile: URL;
  readonly logging: object;
  readonly producer: Producer;
  readonly onEvent: (event: SupervisionEvent) => void;
  /** Looks whether the families' threads move. */
  readonly watch?: Watch | undefined;
  readonly log: { warn(fields: object, message: string): void };
}

/** Beyond the uplink's own timeout, how long a failure waits for word of it, in ms. */
const HOLD_MARGIN_MS = 2_000;

/** What is known of a family that had spent its budget before this process began to lead. */
const PAUSED = 'it had failed before this process took over';

/** Results that stand for a check which was not made. */
const NO_CHECK: ReadonlySet<string> = new Set<CommonCode>([
  'thread_crashed',
  'thread_hung',
  'family_failed',
  'interrupted',
]);

export class Collector {
  private readonly ticker: Ticker;
  private readonly gate: UplinkGate;
  private readonly families = new Map<string, Family>();
  private readonly lag = new Lag();
  private configured: readonly Target[] = [];
  private registered: readonly Target[] = [];
  private uplink: Target | null = null;
  /** What was last said of each family; nothing before its first check, whatever an earlier process said. */
  private readonly said = new Map<string, 'up' | 'down'>();
  private leads = false;
  private stopping = false;

  constructor(private readonly options: CollectorOptions) {
    const { clock, cycleMs, producer, log } = options;
    this.ticker = new Ticker({
      clock,
      cycleMs,
      onDue: (due) => this.submit(due),
      onClosed: (cycles) => producer.add({ cycles }),
      onClockStep: (stepMs) =>
        log.warn({ event: 'clock_step', step_ms: Math.round(stepMs) }, 'the wall clock stepped'),
    });
    this.gate = new UplinkGate({
      clock,
      overUplink: (name) => this.ticker.get(name)?.overUplink ?? false,
      checkUplink: () => this.looksAtUplink(),
      onResults: (results) => producer.add({ results: this.stopping ? results.map(handedOver) : results }),
      // A check of the uplink may have begun just before, so one more must fit after it.
      holdMs: () => 2 * (this.uplink?.timeoutMs ?? 0) + HOLD_MARGIN_MS,
      // Three checks of the uplink in a row without a word: whatever was true of it need not be any more.
      trustMs: () => (this.uplink === null ? 0 : 3 * (this.uplink.intervalMs + this.uplink.timeoutMs)),
    });
  }

  /** Starts the threads that the targets need; they load while the database still starts. */
  async start(targets: readonly Target[]): Promise<void> {
    this.configured = targets;
    await this.applyTargets();
  }

  /** The configuration changed. */
  async configure(targets: readonly Target[]): Promise<void> {
    this.configured = targets;
    await this.applyTargets();
    if (this.leads) this.declare();
  }

  /** Targets registered at run time; one whose name the configuration has too is the configuration's. */
  async register(targets: readonly Target[]): Promise<void> {
    this.registered = targets;
    await this.applyTargets();
  }

  /** How often a target is checked, in ms; the length of a cycle for what is not its own target. */
  intervalMs(target: string): number {
    return this.ticker.get(target)?.intervalMs ?? this.options.cycleMs;
  }

  /** This process collects from now on, and goes on where those before it left off. */
  lead(before: Before = NOTHING_BEFORE): void {
    if (this.leads) {
      this.ticker.learn(before.dues);
      return;
    }
    this.leads = true;
    this.declare();
    this.ticker.start(this.targets(), before);
    // What was said before may have been answered by whoever led meanwhile.
    this.said.clear();
    for (const family of this.families.values()) if (family.failed) this.saysDown(family.name, PAUSED);
  }

  /** Another process collects. Answers up to which epoch ms every instant was asked for; null when none was. */
  follow(): number | null {
    this.leads = false;
    return this.ticker.stop();
  }

  get collecting(): boolean {
    return this.leads;
  }

  /** Stops asking, waits for what was asked, at most `graceMs`, then ends the threads. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.follow();
    const end = this.options.clock.monotonic() + graceMs;
    while (this.ticker.running > 0 && this.options.clock.monotonic() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await Promise.all([...this.families.values()].map((family) => family.stop()));
    this.gate.close();
  }

  /** An operator wants a family's threads anew, or one of them; see `Family.restart`. */
  async restart(id: string): Promise<RestartAnswer | null> {
    const answers = await Promise.all([...this.families.values()].map((family) => family.restart(id)));
    return answers.find((answer) => answer !== null) ?? null;
  }

  nodes(): NodeState[] {
    return [...this.families.values()].map((family) => family.node());
  }

  samples(): MetricSample[] {
    return collectorSamples({
      targets: { configured: this.configured.length, registered: this.registered.length },
      ticker: this.ticker,
      held: this.gate.backlog,
      active: this.leads,
      uplink: this.gate.uplink?.state ?? null,
      lag: this.lag,
    });
  }

  private targets(): Target[] {
    const names = new Set(this.configured.map((target) => target.name));
    return [...this.configured, ...this.registered.filter((target) => !names.has(target.name))];
  }

  private declare(): void {
    this.options.producer.add({
      declare: this.configured.map(({ name, family, intervalMs, config }) => ({
        name,
        family,
        intervalMs,
        config,
      })),
    });
  }

  private async applyTargets(): Promise<void> {
    const targets = this.targets();
    this.uplink =
      targets.find((target) => this.options.families.get(target.family)?.judgesUplink === true) ?? null;
    const needed = new Set(targets.map((target) => target.family));
    const idle = [...this.families.values()].filter((family) => !needed.has(family.name));
    for (const { name } of idle) {
      this.families.delete(name);
      if (this.said.get(name) === 'down') this.says(name, 'up', familyGone(name, this.now()));
    }
    const fresh = [...needed]
      .filter((name) => !this.families.has(name))
      .flatMap((name) => this.makeFamily(name));
    this.gate.keep(new Set(targets.map((target) => target.name)));
    if (this.leads) this.ticker.set(targets);
    await Promise.all([...fresh.map((family) => family.start()), ...idle.map((family) => family.stop())]);
  }

  private makeFamily(name: string): Family[] {
    const { families, probeFile, clock, logging, watch } = this.options;
    const spec = families.get(name);
    if (spec === undefined) return [];
    const family = new Family({
      spec,
      file: probeFile,
      clock,
      logging,
      onOutcomes: (outcomes) => this.answered(name, outcomes),
      onEvent: (event) => this.supervised(name, event),
      watch,
      onLag: (lagMs) => this.lag.observe(name, lagMs),
    });
    this.families.set(name, family);
    return [family];
  }

  private submit(due: readonly Due[]): void {
    const byFamily = new Map<string, Due[]>();
    for (const one of due) {
      const group = byFamily.get(one.target.family);
      if (group === undefined) byFamily.set(one.target.family, [one]);
      else group.push(one);
    }
    for (const [name, group] of byFamily) this.families.get(name)?.submit(group);
  }

  private answered(family: string, outcomes: readonly Outcome[]): void {
    const now = this.ticker.now();
    for (const { due, results } of outcomes) {
      this.ticker.answered(due);
      const checked = onOneClock(due, results, now);
      const isDoubtful = this.ticker.stoodStillSince(due.ready);
      this.gate.take(isDoubtful ? checked.results.map(doubted) : checked.results, checked.began);
    }
    const judged = outcomes.some(({ results }) => results.some((result) => !NO_CHECK.has(result.code ?? '')));
    if (judged && this.said.get(family) !== 'up') this.says(family, 'up', familyUp(family, this.now()));
  }

  /**
   * A family that keeps crashing is itself something that is wrong, and says so like any other service. It works
   * again when it has made a check: a thread that only starts may crash at the first.
   */
  private supervised(family: string, event: SupervisionEvent): void {
    this.options.onEvent(event);
    const failed = event.kind === 'exhausted' && this.families.get(family)?.failed === true;
    if (failed && this.leads && this.said.get(family) !== 'down') this.saysDown(family, event.reason);
  }

  private saysDown(family: string, reason: string): void {
    this.says(family, 'down', familyDown(family, reason, this.now()));
  }

  /** Asks for a look at the uplink; false when there is nobody to look. */
  private looksAtUplink(): boolean {
    if (this.uplink === null || this.families.get(this.uplink.family)?.failed === true) return false;
    return this.ticker.checkNow(this.uplink.name);
  }

  private says(family: string, state: 'up' | 'down', result: Result): void {
    this.said.set(family, state);
    this.options.producer.add({ results: [result] });
  }

  private now(): number {
    return Math.round(this.options.clock.now());
  }
}
