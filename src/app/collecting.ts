/**
 * The collecting half of a running Matrix: what is watched, whether this process is the one that watches it, and
 * the way of its results into the queue. It goes on while the database is away.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Changes, MetricSample, ResultsReport } from '../../schema/messages.js';
import { Collector } from '../collector/collector.js';
import type { Families } from '../config/families.js';
import { workerEntry } from '../config/paths.js';
import type { Settings, Target } from '../config/settings.js';
import { systemClock } from '../contract/clock.js';
import type { Result } from '../contract/result.js';
import type { NodeState } from '../contract/tree.js';
import type { Logger } from '../log/logger.js';
import { Producer } from '../queue/producer.js';
import { Spool } from '../queue/spool.js';
import type { RestartAnswer, SupervisionEvent } from '../supervisor/child.js';
import type { Logging } from '../supervisor/thread-side.js';
import type { Watch } from '../supervisor/watch.js';
import { ownDataDir } from './data-lock.js';
import { DatabaseOutage } from './database-outage.js';
import { Lead } from './lead.js';
import { spoolSamples } from './metrics.js';
import type { NotifierLine } from './notifier-line.js';
import { Registered } from './registered.js';
import { ownNews, unstored } from './unstored.js';

/** How long checks under way may take to end when Matrix stops, in ms. */
const DRAIN_MS = 1_000;

export interface CollectingOptions {
  readonly settings: Settings;
  readonly families: Families;
  readonly logging: Logging;
  readonly log: Logger;
  readonly onEvent: (event: SupervisionEvent) => void;
  readonly watch: Watch;
  /** What people are to see although it is not stored yet. */
  readonly onUnstored: (changes: Changes) => void;
  readonly notices: NotifierLine;
}

export class Collecting {
  /** Why results cannot be queued; null while they can. */
  queueProblem: string | null = 'not connected yet';
  /** Since when, epoch ms. */
  private problemSince = systemClock.now();
  private outage: DatabaseOutage | null = null;
  private readonly producer: Producer;
  private readonly collector: Collector;
  private readonly registered: Registered;
  private readonly lead: Lead;
  private url: string | null = null;
  private stopping = false;

  /** Takes the data directory and opens the spool, where an earlier process may have left results. */
  static async create(options: CollectingOptions): Promise<Collecting> {
    await ownDataDir(options.settings.dataDir);
    const { dataDir, spoolMaxBytes } = options.settings;
    const spool = await Spool.open({ directory: join(dataDir, 'spool'), maxBytes: spoolMaxBytes });
    const collecting = new Collecting(options, spool);
    collecting.outage = await DatabaseOutage.open({
      file: join(dataDir, 'database-outage.json'),
      clock: systemClock,
      collects: () => collecting.collector.collecting,
      counts: () => collecting.producer.counts,
      deliver: options.notices.deliver,
      log: options.log,
    });
    return collecting;
  }

  private constructor(
    private readonly options: CollectingOptions,
    private readonly spool: Spool,
  ) {
    const { settings, families, logging, log, onEvent, watch } = options;
    const onState = (problem: string | null): void => this.queueState(problem);
    const worthShowing = ownNews();
    const onWaiting = (results: readonly Result[]): void => {
      const shown = results.filter(worthShowing);
      if (shown.length > 0)
        options.onUnstored(unstored(shown, (target) => this.collector.intervalMs(target)));
    };
    this.producer = new Producer({ node: settings.node, spool, log, onState, onWaiting });
    this.collector = new Collector({
      clock: systemClock,
      cycleMs: settings.checkIntervalMs,
      families,
      probeFile: pathToFileURL(workerEntry('probe')),
      logging,
      producer: this.producer,
      onEvent,
      watch,
      log,
    });
    this.registered = new Registered({ families, checkIntervalMs: settings.checkIntervalMs, log });
    this.lead = new Lead({
      log,
      loadTargets: () => this.loadRegistered(),
      onLead: (before) => this.collector.lead(before),
      onFollow: () => void this.collector.follow(),
    });
  }

  /** Starts the probe threads; asking begins when this process is known to be the collector. */
  start(): void {
    void this.collector.start(this.options.settings.targets);
    this.lead.start();
    this.outage?.start();
  }

  /** Names the database; results wait until it is there. */
  connect(url: string): void {
    this.url = url;
    this.producer.connect(url);
    this.lead.connect(url);
  }

  /** The schema is up to date: where the collector before left off can be read. */
  compete(): void {
    this.lead.ready();
  }

  async configure(targets: readonly Target[]): Promise<void> {
    await this.collector.configure(targets);
  }

  /** Reads the targets that were registered at run time. */
  async loadRegistered(): Promise<void> {
    if (this.url === null) return;
    const targets = await this.registered.load(this.url);
    // A takeover does not wait for threads: what is due waits for them by itself.
    if (targets !== null && !this.stopping) void this.collector.register(targets);
  }

  /** Lets a standby take over at once, then brings everything that was collected to the queue or the spool. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.outage?.close();
    // First it asks for nothing more, then another one may: no instant is asked for by both.
    await this.lead.close(this.collector.follow());
    await this.collector.stop(DRAIN_MS);
    await Promise.all([this.producer.close(), this.registered.close()]);
  }

  /** An operator wants a family's threads anew, or one of them; null when there is none of that id. */
  restart(id: string): Promise<RestartAnswer | null> {
    return this.collector.restart(id);
  }

  /** The families' part of the process tree. */
  node(): NodeState {
    const children = this.collector.nodes();
    return {
      id: 'families',
      kind: 'supervisor',
      status: this.stopping ? 'stopping' : 'running',
      startedAt: null,
      // It has no budget of its own: a family spends nobody else's.
      restarts: { ...sumOfRestarts(children), intensity: null, periodMs: null },
      lastExit: null,
      eventLoopUtilisation: null,
      heapUsedBytes: null,
      stalledMs: null,
      backlog: children.reduce((sum, node) => sum + node.backlog, 0),
      children,
    };
  }

  samples(): MetricSample[] {
    return [...this.collector.samples(), ...spoolSamples(this.producer, this.spool)];
  }

  private queueState(problem: string | null): void {
    const { log } = this.options;
    if (problem !== null && this.queueProblem === null) {
      log.warn({ event: 'database_down', error: problem }, 'the database is away; results wait on disk');
    } else if (problem === null && this.queueProblem !== null) {
      log.info({ event: 'database_up' }, 'the queue takes results');
    }
    if (problem !== null && this.queueProblem === null) this.problemSince = systemClock.now();
    this.queueProblem = problem;
    this.outage?.hears(problem);
  }

  /** How results fare that the database has not taken yet. */
  results(): ResultsReport {
    const { inMemory, onSpool, spoolBytes, spoolMaxBytes, dropped } = this.producer.counts;
    const since = this.queueProblem === null ? null : new Date(this.problemSince).toISOString();
    return { since, inMemory, onSpool, spoolBytes, spoolMaxBytes, dropped };
  }
}

function sumOfRestarts(nodes: readonly NodeState[]): { total: number; inWindow: number } {
  const sum = (pick: (node: NodeState) => number): number =>
    nodes.reduce((total, node) => total + pick(node), 0);
  return { total: sum(({ restarts }) => restarts.total), inWindow: sum(({ restarts }) => restarts.inWindow) };
}
