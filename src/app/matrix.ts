/** A running Matrix: the process tree, and what flows between its parts. Everything else is told by callbacks. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Dependencies, FromFront, ToFront } from '../../schema/messages.js';
import { Collector } from '../collector/collector.js';
import type { Families } from '../config/families.js';
import { SQL_DIR, VERSION, workerEntry } from '../config/paths.js';
import type { Settings } from '../config/settings.js';
import { systemClock } from '../contract/clock.js';
import type { NodeState } from '../contract/tree.js';
import { identity, type Logger } from '../log/logger.js';
import { Producer } from '../queue/producer.js';
import { Spool } from '../queue/spool.js';
import { Leadership } from '../store/leadership.js';
import type { Managed, SupervisionEvent } from '../supervisor/managed.js';
import type { ProcessChild } from '../supervisor/process.js';
import { Supervisor } from '../supervisor/supervisor.js';
import type { Logging } from '../supervisor/thread-side.js';
import { TARGETS_CHANNEL } from '../writer/commands.js';
import type { WriterStats } from '../writer/writer.js';
import {
  frontChild,
  keeperChild,
  notifierChild,
  type StoreSays,
  storeChild,
  tellKeepDays,
  type WriterSays,
  writerChild,
} from './children.js';
import { pipelineSamples, SupervisionCounts, treeSamples } from './metrics.js';
import { Registered } from './registered.js';
import { logSupervision } from './supervision-log.js';

/** Advisory lock of the one collector; chosen at random. */
export const COLLECTOR_LOCK = 7_264_119_303;
/** How often the front hears of tree, metrics and dependencies, in ms. */
const REPORT_MS = 1_000;
/** A database that never answers must not keep Matrix from watching; a second collector does no harm, in ms. */
const LEAD_WITHOUT_DATABASE_MS = 15_000;
const DRAIN_CHECKS_MS = 6_000;

export interface MatrixOptions {
  readonly settings: Settings;
  readonly families: Families;
  readonly log: Logger;
  /** The tree gave up, or a part cannot work on this machine: end the process. */
  readonly onFatal: (reason: string, code?: string) => void;
  /** The front listens. */
  readonly onListening: (port: number) => void;
}

export class Matrix {
  private readonly root: Supervisor;
  private readonly counts = new SupervisionCounts();
  private readonly logging: Logging;
  private readonly children: {
    store: Managed | null;
    writer: Managed;
    front: Managed;
    keeper: Managed;
    notifier: Managed;
  };
  private readonly registered: Registered;
  private front: ProcessChild<ToFront> | null = null;
  private leadership: Leadership | null = null;
  private writerStats: WriterStats | null = null;
  private databaseUrl: string | null;
  private keepDays: number;
  private schemaReady = false;
  private queueProblem: string | null = 'not connected yet';
  private configProblem: string | null = null;
  private stopping = false;
  private readonly timers: NodeJS.Timeout[] = [];

  static async create(options: MatrixOptions): Promise<Matrix> {
    const spool = await Spool.open({ directory: join(options.settings.dataDir, 'spool') });
    return new Matrix(options, spool);
  }

  private readonly producer: Producer;
  private readonly collector: Collector;

  private constructor(
    private readonly options: MatrixOptions,
    private readonly spool: Spool,
  ) {
    const { settings, families, log, onFatal } = options;
    this.databaseUrl = settings.databaseUrl;
    this.keepDays = settings.keepDays;
    this.logging = {
      ...settings.log,
      base: identity(settings),
    };
    this.root = new Supervisor({
      id: 'root',
      intensity: 20,
      periodMs: 60_000,
      clock: systemClock,
      onExhausted: onFatal,
    });
    this.producer = new Producer({
      node: settings.node,
      spool,
      log,
      onState: (problem) => this.queueState(problem),
    });
    this.collector = new Collector({
      clock: systemClock,
      cycleMs: settings.checkIntervalMs,
      families,
      probeFile: pathToFileURL(workerEntry('probe')),
      logging: this.logging,
      producer: this.producer,
      onEvent: (event) => this.supervised(event),
      log,
    });
    this.registered = new Registered({ families, checkIntervalMs: settings.checkIntervalMs, log });
    this.children = this.makeChildren();
  }

  /** Starts everything at once; what needs the database waits for it by itself. */
  async start(): Promise<void> {
    const { store, front } = this.children;
    void this.collector.start(this.options.settings.targets);
    void front.start();
    if (store !== null) void store.start();
    else this.useDatabase(this.databaseUrl);
    this.timers.push(
      setInterval(() => this.report(), REPORT_MS),
      setTimeout(() => this.leadWithoutDatabase(), LEAD_WITHOUT_DATABASE_MS),
    );
  }

  /** The configuration was read again. */
  async configure(settings: Settings): Promise<void> {
    this.configProblem = null;
    this.keepDays = settings.keepDays;
    tellKeepDays(this.children.keeper, settings.keepDays);
    await this.collector.configure(settings.targets);
  }

  /** A bad edit was not taken; readers of `/health` see why. */
  refuse(problem: string): void {
    this.configProblem = problem;
  }

  /** Hands over to a standby at once, stores what was collected, and ends every child. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const timer of this.timers) clearInterval(timer);
    const { store, writer, front, keeper, notifier } = this.children;
    await this.leadership?.close();
    await Promise.all([this.collector.stop(DRAIN_CHECKS_MS), front.stop()]);
    await this.producer.close();
    await Promise.all([writer.stop(), keeper.stop(), notifier.stop(), this.registered.close()]);
    await store?.stop();
  }

  tree(): NodeState {
    const families = this.collector.nodes();
    const supervisor: NodeState = {
      id: 'families',
      kind: 'supervisor',
      status: 'running',
      startedAt: null,
      restarts: { total: 0, inWindow: 0, intensity: 0, periodMs: 0 },
      lastExit: null,
      eventLoopUtilisation: null,
      heapUsedBytes: null,
      backlog: families.reduce((sum, node) => sum + node.backlog, 0),
      children: families,
    };
    return this.root.node([supervisor]);
  }

  private makeChildren(): Matrix['children'] {
    const { settings } = this.options;
    const { logging } = this;
    const onEvent = (event: SupervisionEvent): void => this.supervised(event);
    const url = (): string => this.databaseUrl ?? '';
    const store =
      settings.databaseUrl === null
        ? storeChild({ dataDir: settings.dataDir, logging, onSays: (says) => this.storeSays(says) }, onEvent)
        : null;
    const children = {
      store,
      writer: writerChild(
        () => ({
          url: url(),
          sqlDirectory: SQL_DIR,
          customerId: settings.customerId,
          node: settings.node,
          cycleMs: settings.checkIntervalMs,
          logging,
        }),
        (says) => this.writerSays(says),
        onEvent,
      ),
      front: frontChild(
        {
          init: () => ({
            version: VERSION,
            node: settings.node,
            customerId: settings.customerId,
            deployColor: settings.deployColor,
            ...settings.front,
            sharePort: false,
            jwtSecret: settings.jwtSecret,
            checkIntervalS: settings.checkIntervalMs / 1000,
            log: settings.log,
          }),
          onSays: (says) => this.frontSays(says),
          onRunning: (front) => this.frontRuns(front),
        },
        onEvent,
      ),
      keeper: keeperChild(() => ({ url: url(), keepDays: this.keepDays, logging }), onEvent),
      notifier: notifierChild(() => ({ url: url(), logging }), onEvent),
    };
    for (const child of Object.values(children)) if (child !== null) this.root.add(child);
    return children;
  }

  private storeSays(says: StoreSays): void {
    if (says.kind === 'url') this.useDatabase(says.url);
    // Trying again cannot help where the binaries cannot run at all.
    else if (says.code === 'MX_EMBEDDED_UNAVAILABLE') this.options.onFatal(says.message, says.code);
    else this.options.log.error({ event: 'store_failed', code: says.code }, says.message);
  }

  private useDatabase(url: string | null): void {
    if (url === null || this.stopping) return;
    const again = url === this.databaseUrl && this.children.writer.status !== 'stopped';
    this.databaseUrl = url;
    if (again) return;
    this.producer.connect(url);
    void this.children.writer.start();
  }

  private writerSays(says: WriterSays): void {
    if (says.kind === 'changes') this.front?.send({ kind: 'changes', changes: says.changes });
    else if (says.kind === 'stats') this.writerStats = says.stats;
    else this.schemaIsReady();
  }

  private schemaIsReady(): void {
    const url = this.databaseUrl;
    if (url === null || this.stopping) return;
    this.front?.send({ kind: 'database', url });
    if (this.schemaReady) return;
    this.schemaReady = true;
    void this.children.keeper.start();
    void this.children.notifier.start();
    this.leadership = new Leadership({
      url,
      lock: COLLECTOR_LOCK,
      name: 'collector',
      listen: TARGETS_CHANNEL,
      log: this.options.log,
      onGained: () => this.collects(true),
      onLost: () => this.collects(false),
      onNotified: () => void this.loadRegistered(),
    });
  }

  private collects(leads: boolean): void {
    this.options.log.info(
      { event: 'collector', active: leads },
      leads ? 'this process collects' : 'another process collects',
    );
    if (leads) this.collector.lead();
    else this.collector.follow();
  }

  private leadWithoutDatabase(): void {
    if (this.schemaReady || this.stopping || this.collector.collecting) return;
    this.options.log.warn(
      { event: 'collecting_without_database' },
      'the database does not answer; checks are made and kept on disk',
    );
    this.collector.lead();
  }

  private async loadRegistered(): Promise<void> {
    if (this.databaseUrl === null) return;
    const targets = await this.registered.load(this.databaseUrl);
    if (targets !== null && !this.stopping) await this.collector.register(targets);
  }

  private frontRuns(front: ProcessChild<ToFront>): void {
    this.front = front;
    if (this.schemaReady && this.databaseUrl !== null)
      front.send({ kind: 'database', url: this.databaseUrl });
    this.report();
  }

  private frontSays(says: FromFront): void {
    if (says.kind === 'ready') this.options.onListening(says.port);
    else if (says.kind === 'fatal') this.options.onFatal(says.message, says.code);
    else void this.loadRegistered();
  }

  private queueState(problem: string | null): void {
    const { log } = this.options;
    if (problem !== null && this.queueProblem === null) {
      log.warn({ event: 'database_down', error: problem }, 'the database is away; results wait on disk');
    } else if (problem === null && this.queueProblem !== null) {
      log.info({ event: 'database_up' }, 'the queue takes results');
    }
    this.queueProblem = problem;
  }

  private supervised(event: SupervisionEvent): void {
    this.counts.observe(event);
    logSupervision(this.options.log, event, this.stopping);
    if (event.kind === 'exited' && event.id === 'front') this.front = null;
    const core = Object.values(this.children).some((child) => child?.id === event.id);
    if (core && !this.stopping) this.root.observe(event);
  }

  private dependencies(): Dependencies {
    return {
      queue: this.queueProblem,
      writer: this.writerStats === null ? 'not started yet' : this.writerStats.problem,
      ...(this.configProblem === null ? {} : { config: this.configProblem }),
    };
  }

  private report(): void {
    if (this.front === null) return;
    const tree = this.tree();
    this.front.send({ kind: 'tree', tree });
    this.front.send({ kind: 'dependencies', dependencies: this.dependencies() });
    this.front.send({
      kind: 'metrics',
      samples: [
        ...treeSamples(tree),
        ...this.counts.samples(),
        ...this.collector.samples(),
        ...pipelineSamples(this.producer, this.spool, this.writerStats),
      ],
    });
  }
}
