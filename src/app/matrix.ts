/** A running Matrix: the process tree, and what flows between its parts. */
import type { Changes, Dependencies, FromFront, ToFront } from '../../schema/messages.js';
import type { Families } from '../config/families.js';
import type { Settings } from '../config/settings.js';
import { systemClock } from '../contract/clock.js';
import type { NodeState } from '../contract/tree.js';
import { identity, type Logger } from '../log/logger.js';
import type { SupervisionEvent } from '../supervisor/child.js';
import type { ProcessChild } from '../supervisor/process.js';
import { Supervisor } from '../supervisor/supervisor.js';
import { Watch } from '../supervisor/watch.js';
import type { WriterStats } from '../writer/writer.js';
import {
  type Children,
  coreChildren,
  type StoreSays,
  tellKeepDays,
  tellNotifier,
  type WriterSays,
} from './children.js';
import { Collecting } from './collecting.js';
import { SupervisionCounts, threadUse, treeSamples, writerSamples } from './metrics.js';
import { NotifierLine } from './notifier-line.js';
import { restartNode } from './restarting.js';
import { logSupervision } from './supervision-log.js';

/** How often the front hears of tree, metrics and dependencies, in ms. */
const REPORT_MS = 1_000;
/** How soon it hears of the tree when something happened in it; what happens meanwhile goes with it, in ms. */
const EVENT_REPORT_MS = 100;
const ROOT_ID = 'root';
/** More restarts of core children than this within the period, and Matrix gives up. */
const ROOT_BUDGET = { intensity: 20, periodMs: 60_000 };

export interface MatrixOptions {
  readonly settings: Settings;
  readonly families: Families;
  readonly log: Logger;
  /** The tree gave up, or a part cannot work on this machine: end the process. */
  readonly onFatal: (reason: string, code?: string) => void;
  /** The front listens; again after each restart of it. */
  readonly onListening: (port: number) => void;
}

export class Matrix {
  private readonly root: Supervisor;
  private readonly counts = new SupervisionCounts();
  private readonly children: Children;
  private readonly collecting: Collecting;
  private front: ProcessChild<ToFront> | null = null;
  private writerStats: WriterStats | null = null;
  private databaseUrl: string | null;
  private keepDays: number;
  private schemaReady = false;
  private configProblem: string | null = null;
  private stopping = false;
  private reporting: NodeJS.Timeout | null = null;
  private treeSoon: NodeJS.Timeout | null = null;

  /** Prepares everything and starts nothing. Rejects when the spool cannot be opened. */
  static async create(options: MatrixOptions): Promise<Matrix> {
    const logging = { ...options.settings.log, base: identity(options.settings) };
    // The events of its threads come after the constructor, which needs what they come from.
    let matrix: Matrix | null = null;
    const onEvent = (event: SupervisionEvent): void => matrix?.supervised(event);
    const onUnstored = (changes: Changes): void => matrix?.tell(changes);
    const onMainStalled = (forMs: number): void => onEvent({ kind: 'main_stalled', id: ROOT_ID, forMs });
    const watch = new Watch({ clock: systemClock, onMainStalled });
    const notices = new NotifierLine((message) => tellNotifier(matrix?.children.notifier, message));
    const collecting = await Collecting.create({ ...options, logging, onEvent, onUnstored, watch, notices });
    matrix = new Matrix(options, collecting, notices, watch, logging);
    return matrix;
  }

  private constructor(
    private readonly options: MatrixOptions,
    collecting: Collecting,
    private readonly notices: NotifierLine,
    private readonly watch: Watch,
    logging: Parameters<typeof coreChildren>[0]['logging'],
  ) {
    const { settings, onFatal } = options;
    this.collecting = collecting;
    this.databaseUrl = settings.databaseUrl;
    this.keepDays = settings.keepDays;
    this.root = new Supervisor({
      id: ROOT_ID,
      ...ROOT_BUDGET,
      clock: systemClock,
      onExhausted: (reason) => onFatal(reason, 'MX_BUDGET_EXHAUSTED'),
    });
    this.children = coreChildren({
      settings,
      logging,
      databaseUrl: () => this.databaseUrl ?? '',
      keepDays: () => this.keepDays,
      onEvent: (event) => this.supervised(event),
      onStore: (says) => this.storeSays(says),
      onWriter: (says) => this.writerSays(says),
      onFront: (says) => this.frontSays(says),
      onFrontRunning: (front) => this.frontRuns(front),
      onFrontDropped: () => this.counts.frontDropped(),
      notices,
      watch,
    });
    for (const child of Object.values(this.children)) if (child !== null) this.root.add(child);
  }

  /** Starts everything at once; what needs the database waits for it by itself. */
  start(): void {
    this.watch.start();
    this.collecting.start();
    void this.children.front.start();
    void this.children.notifier.start();
    if (this.children.store !== null) void this.children.store.start();
    else this.useDatabase(this.databaseUrl);
    this.reporting = setInterval(() => this.report(), REPORT_MS);
  }

  /** The configuration was read again. */
  async configure(settings: Settings): Promise<void> {
    this.configProblem = null;
    this.keepDays = settings.keepDays;
    tellKeepDays(this.children.keeper, settings.keepDays);
    await this.collecting.configure(settings.targets);
  }

  /** A bad edit was not taken; readers of `/health` see why. */
  refuse(problem: string): void {
    this.configProblem = problem;
  }

  /** Hands over to a standby at once, stores what was collected, and ends every child. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.watch.stop();
    if (this.reporting !== null) clearInterval(this.reporting);
    if (this.treeSoon !== null) clearTimeout(this.treeSoon);
    const { store, writer, front, keeper, notifier } = this.children;
    await Promise.all([this.collecting.stop(), front.stop()]);
    await Promise.all([writer.stop(), keeper.stop(), notifier.stop()]);
    await store?.stop();
  }

  tree(): NodeState {
    return this.root.node([this.collecting.node()]);
  }

  private storeSays(says: StoreSays): void {
    if (says.kind === 'url') this.useDatabase(says.url);
    // Trying again cannot help where the binaries cannot run at all.
    else if (says.code === 'MX_EMBEDDED_UNAVAILABLE') this.options.onFatal(says.message, says.code);
    else this.options.log.error({ event: 'store_failed', code: says.code }, says.message);
  }

  private useDatabase(url: string | null): void {
    if (url === null || this.stopping) return;
    const { writer, keeper } = this.children;
    const moved = url !== this.databaseUrl;
    this.databaseUrl = url;
    if (!moved && writer.status !== 'stopped') return;
    this.collecting.connect(url);
    if (writer.status === 'stopped') void writer.start();
    // The embedded database came back somewhere else: they have the old place in their hands.
    else for (const child of [writer, keeper]) void child.restart('the database has moved');
  }

  private writerSays(says: WriterSays): void {
    if (says.kind === 'changes') this.tell(says.changes);
    else if (says.kind === 'stats') this.writerStats = says.stats;
    else this.schemaIsReady();
  }

  private tell(changes: Changes): void {
    this.front?.send({ kind: 'changes', changes });
  }

  private schemaIsReady(): void {
    if (this.databaseUrl === null || this.stopping) return;
    this.front?.send({ kind: 'database', url: this.databaseUrl });
    this.notices.use(this.databaseUrl);
    if (this.schemaReady) return;
    this.schemaReady = true;
    void this.children.keeper.start();
    this.collecting.compete();
  }

  private frontRuns(front: ProcessChild<ToFront>): void {
    this.front = front;
    const { url } = this.notices;
    if (url !== null) front.send({ kind: 'database', url });
    this.report();
  }

  private frontSays(says: FromFront): void {
    if (says.kind === 'ready') this.options.onListening(says.port);
    else if (says.kind === 'fatal') this.options.onFatal(says.message, says.code);
    else if (says.kind === 'restart_child') void this.restart(says.child, says.request);
    else void this.collecting.loadRegistered();
  }

  private restart(child: string, request: string): Promise<void> {
    return restartNode({
      child,
      supervisors: [this.root, this.collecting],
      answer: (outcome) => this.front?.send({ kind: 'child_restarted', request, outcome }),
    });
  }

  private supervised(event: SupervisionEvent): void {
    this.counts.observe(event);
    logSupervision(this.options.log, event, this.stopping);
    if (event.kind === 'exited' && event.id === 'front') this.front = null;
    if (this.stopping) return;
    if (this.root.child(event.id) !== undefined) this.root.observe(event);
    this.treeSoon ??= setTimeout(() => this.tellTree(), EVENT_REPORT_MS);
  }

  private dependencies(): Dependencies {
    return {
      queue: this.collecting.queueProblem,
      writer: this.writerStats === null ? 'not started yet' : this.writerStats.problem,
      ...(this.configProblem === null ? {} : { config: this.configProblem }),
    };
  }

  private tellTree(): void {
    this.treeSoon = null;
    this.front?.send({ kind: 'tree', tree: this.tree() });
  }

  private report(): void {
    if (this.front === null) return;
    const tree = this.tree();
    const samples = [
      ...treeSamples(tree),
      ...threadUse(tree),
      ...this.counts.samples(),
      ...this.collecting.samples(),
      ...(this.writerStats === null ? [] : writerSamples(this.writerStats)),
    ];
    this.front.send({ kind: 'tree', tree });
    this.front.send({
      kind: 'dependencies',
      dependencies: this.dependencies(),
      results: this.collecting.results(),
    });
    this.front.send({ kind: 'metrics', samples });
  }
}
