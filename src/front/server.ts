/** Composition of the front: the state, what feeds it, what serves it, and how it all stops. */
import type pg from 'pg';
import type { FromFront, FrontInit, ToFront } from '../../schema/messages.js';
import type { NodeState } from '../contract/tree.js';
import type { Logger } from '../log/logger.js';
import type { Principal } from './auth.js';
import { Database } from './database.js';
import { Feed } from './feed.js';
import { Health, NOT_REPORTED } from './health.js';
import { hostCheck } from './http/hosts.js';
import { accountant, serveHttp } from './http/serve.js';
import { LimitUse } from './limit-use.js';
import { LiveHub } from './live/hub.js';
import { addLiveSocket } from './live/socket.js';
import { MainRequests } from './main-requests.js';
import { Metrics } from './metrics.js';
import type { CheckTarget, OperationContext } from './operations/operation.js';
import { pgStore } from './pg-store.js';
import type { Store } from './store.js';
import { surfaces } from './surfaces.js';
import { Truth } from './truth.js';
import { listen, loadUws } from './uws.js';

export interface FrontOptions {
  readonly init: FrontInit;
  readonly log: Logger;
  readonly checkTarget: CheckTarget;
  /** Tells main something; what it answers comes back through `take`. */
  tell(message: Extract<FromFront, { kind: 'targets_changed' | 'restart_child' }>): void;
  /** Instead of the store on the announced database: for benches and tests of the surfaces alone. */
  readonly store?: Store;
}

/** What main may tell a running front; `init` and `drain` are for the process. */
export type FrontNews = Exclude<ToFront, { kind: 'init' | 'drain' }>;

export interface Front {
  readonly port: number;
  take(news: FrontNews): void;
  /** Loads the truth from the injected store; with a real database this happens by itself. */
  load(): Promise<void>;
  /** Stops listening, lets answers under way end (3 s at most), says goodbye to clients, ends connections. */
  drain(): Promise<void>;
}

const DRAIN_MS = 3000;
const DRAIN_STEP_MS = 20;

/**
 * Starts serving. `/health` answers as soon as this resolves, before any database is there.
 * @throws MatrixError MX_PORT_IN_USE or MX_NATIVE_UNSUPPORTED.
 */
export async function startFront(options: FrontOptions): Promise<Front> {
  const { init, log } = options;
  const uws = await loadUws();
  const app = uws.App();
  const told = { tree: null as NodeState | null, treeAtMs: 0, reported: NOT_REPORTED, draining: false };

  const truth: Truth = new Truth({
    customerId: init.customerId,
    deployColor: init.deployColor,
    onDelta: (seq, bytes) => hub.publish(seq, bytes),
  });
  const hub = new LiveHub(app, truth, () => metrics.droppedWebSocket());
  const database = new Database(log, {
    onListening: (other) => feed.load(other),
    onRevision: (rev) => feed.hear(rev),
  });
  const storeOn = (pool: () => pg.Pool): Store =>
    options.store ?? pgStore({ pool, node: init.node, customerId: init.customerId });
  const store = storeOn(() => database.pool);
  const feed = new Feed(
    truth,
    storeOn(() => database.loadPool),
    log,
  );
  const health = new Health({
    version: init.version,
    databaseDown: () => (options.store === undefined ? database.down : null),
    reported: () => told.reported,
    draining: () => told.draining,
  });
  const limits = new LimitUse(() => ({
    http_connections: http.connections(),
    requests_in_flight: http.open(),
    remembered_tokens: access.authenticator.size,
    accepted_hosts: hostAllowed.remembered(),
    waiting_commits: feed.waiting.commits,
    waiting_checks: feed.waiting.checks,
    pending_changes: truth.pending,
    live_alerts: truth.alerts.length,
    live_clients: hub.count,
    recent_deltas: hub.recentBytes,
    waiting_restarts: requests.size,
    metric_samples: metrics.samples,
    metric_services: truth.snapshot.checks.size,
  }));
  const metrics: Metrics = new Metrics(init.customerId, {
    checks: () => truth.snapshot.checks.values(),
    dependencies: () => health.dependencies(),
    webSockets: () => hub.count,
    limits,
  });
  const requests = new MainRequests(options.tell);
  const context = (principal: Principal): OperationContext => ({
    principal,
    store,
    status: () => truth.status(),
    statusBytes: () => truth.statusBytes(),
    tree: () => told.tree,
    treeAgeMs: () => performance.now() - told.treeAtMs,
    limits: () => limits.rows(),
    announce: (changes) => feed.offer(changes),
    restartChild: (id) => requests.restartChild(id),
    targetsChanged: () => options.tell({ kind: 'targets_changed' }),
    checkTarget: options.checkTarget,
  });

  const { router, mcp, access } = await surfaces({ init, log, health, metrics, context });
  const hostAllowed = hostCheck(init.allowedHosts);
  addLiveSocket(app, {
    ...access,
    hub,
    hostAllowed,
    onDone: accountant({ metrics, log }),
    onClosed: () => http.disconnected(),
  });
  const http = serveHttp(app, { router, metrics, log, hostAllowed });
  const listening = await listen(uws, app, init);
  log.debug({ port: listening.port }, `serving on http://${init.host}:${listening.port}`);

  // Health and the board are up; what takes longer to load comes now.
  mcp.warm().catch((error: unknown) => log.error({ err: error }, 'the MCP SDK does not load'));

  return {
    port: listening.port,
    load: () => feed.load(false),
    take(news) {
      if (news.kind === 'database') database.use(news.url);
      else if (news.kind === 'changes') feed.offer(news.changes);
      else if (news.kind === 'metrics') metrics.take(news.samples);
      else if (news.kind === 'dependencies') {
        const { dependencies, results = null } = news;
        told.reported = { dependencies, results, atMs: performance.now() };
      } else if (news.kind === 'child_restarted') requests.answered(news.request, news.outcome);
      else {
        told.tree = news.tree;
        told.treeAtMs = performance.now();
        hub.report(news.tree);
      }
    },
    async drain() {
      told.draining = true;
      uws.us_listen_socket_close(listening.socket);
      hub.close();
      const deadlineMs = performance.now() + DRAIN_MS;
      while (http.open() > 0 && performance.now() < deadlineMs) {
        await new Promise((resolve) => setTimeout(resolve, DRAIN_STEP_MS));
      }
      feed.close();
      truth.close();
      await mcp.close();
      app.close();
      await database.close();
    },
  };
}
