/** The core children: what each is started with, and what it says back. Specs as data, wiring by callbacks. */
import { pathToFileURL } from 'node:url';
import type { Changes, FromFront, FrontInit, ToFront } from '../../schema/messages.js';
import type { KeepDays, KeeperData } from '../../workers/keeper.js';
import type { WriterData } from '../../workers/writer.js';
import { SQL_DIR, VERSION, workerEntry } from '../config/paths.js';
import type { Settings } from '../config/settings.js';
import { systemClock } from '../contract/clock.js';
import type { FromNotifier, NotifierData, ToNotifier } from '../notify/messages.js';
import type { Child, ManagedOptions, SupervisionEvent } from '../supervisor/child.js';
import { type ChildSpec, childSpec } from '../supervisor/child-spec.js';
import { Managed } from '../supervisor/managed.js';
import { type ProcessChild, startProcess } from '../supervisor/process.js';
import { startThread, type ThreadChild } from '../supervisor/thread.js';
import type { Logging } from '../supervisor/thread-side.js';
import type { Watch } from '../supervisor/watch.js';
import type { WriterStats } from '../writer/writer.js';
import type { NotifierLine } from './notifier-line.js';

const entry = (name: string): URL => pathToFileURL(workerEntry(name));

/** Time for a thread to load its modules on a busy machine, in ms. */
const READY_MS = 30_000;
/** PostgreSQL may have to recover after a crash before it answers, in ms. */
const STORE_READY_MS = 180_000;

/** Who hears of a child, and who looks whether it moves. */
type Supervision = Pick<ManagedOptions, 'onEvent' | 'watch'>;

function core(
  spec: Partial<ChildSpec> & { id: string },
  kind: ManagedOptions['kind'],
  supervision: Supervision,
  start: () => Promise<Child>,
  more: Pick<ManagedOptions, 'onRunning' | 'hangMs'> = {},
): Managed {
  return new Managed({
    spec: childSpec(spec),
    kind,
    clock: systemClock,
    whenExhausted: 'escalate',
    start,
    ...supervision,
    ...more,
  });
}

export type StoreSays = { kind: 'url'; url: string } | { kind: 'failed'; message: string; code: string };

/** PostgreSQL of Matrix's own, only without a database URL. */
function storeChild(
  options: { dataDir: string; logging: Logging; onSays: (says: StoreSays) => void },
  supervision: Supervision,
): Managed {
  return core({ id: 'store', shutdownMs: 30_000, intensity: 5 }, 'thread', supervision, () =>
    startThread<StoreSays, never>({
      file: entry('store'),
      data: { dataDir: options.dataDir, logging: options.logging },
      onMessage: options.onSays,
      readyMs: STORE_READY_MS,
    }),
  );
}

export type WriterSays =
  | { kind: 'schema_ready' }
  | { kind: 'changes'; changes: Changes }
  | { kind: 'stats'; stats: WriterStats };

function writerChild(
  data: () => WriterData,
  onSays: (says: WriterSays) => void,
  supervision: Supervision,
): Managed {
  return core({ id: 'writer', shutdownMs: 10_000 }, 'thread', supervision, () =>
    startThread<WriterSays, never>({
      file: entry('writer'),
      data: data(),
      onMessage: onSays,
      readyMs: READY_MS,
    }),
  );
}

/** Delivers notices; `onRunning` is called when a new one can be told something. */
function notifierChild(
  data: () => NotifierData,
  on: { readonly onSays: (says: FromNotifier) => void; readonly onRunning: () => void },
  supervision: Supervision,
): Managed {
  return core(
    { id: 'notifier', shutdownMs: 5_000 },
    'thread',
    supervision,
    () =>
      startThread<FromNotifier, ToNotifier>({
        file: entry('notifier'),
        data: data(),
        onMessage: on.onSays,
        readyMs: READY_MS,
      }),
    { onRunning: on.onRunning },
  );
}

/** Tells a notifier that runs; one that starts later is told again, or reads its data anew. */
export function tellNotifier(notifier: Managed | undefined, message: ToNotifier): void {
  ((notifier?.child ?? null) as ThreadChild<ToNotifier> | null)?.send(message);
}

/** Makes and drops partitions. */
function keeperChild(data: () => KeeperData, supervision: Supervision): Managed {
  return core({ id: 'keeper', shutdownMs: 5_000 }, 'thread', supervision, () =>
    startThread<never, KeepDays>({
      file: entry('keeper'),
      data: data(),
      onMessage: () => undefined,
      readyMs: READY_MS,
    }),
  );
}

/** Tells a keeper that runs; one that starts later reads its data anew. */
export function tellKeepDays(keeper: Managed, days: number): void {
  (keeper.child as ThreadChild<KeepDays> | null)?.send({ kind: 'keep_days', days });
}

/** People look at the front: it is not waited for as long as for a thread, in ms. */
const FRONT_HANG_MS = 5_000;
/**
 * What a front that does not read may miss: it reads commits from the store when it hears of a later one, and the
 * others come again every second.
 */
const FRONT_MAY_MISS: ReadonlySet<ToFront['kind']> = new Set(['changes', 'tree', 'metrics', 'dependencies']);

/** The front's process; `onRunning` gets a way to speak to it. */
export function frontChild(
  options: {
    init: () => FrontInit;
    onSays: (says: FromFront) => void;
    onRunning: (front: ProcessChild<ToFront>) => void;
    /** It reads too slowly: a message was left out. */
    onDropped: () => void;
  },
  supervision: Supervision,
): Managed {
  return core(
    // Without it nobody can look what is wrong, so it never waits for long.
    { id: 'front', shutdownMs: 5_000, backoff: { initialMs: 50, maxMs: 1_000, factor: 2, jitter: 0.2 } },
    'process',
    supervision,
    () =>
      startProcess<FromFront, ToFront>({
        file: entry('front'),
        first: { kind: 'init', init: options.init() },
        onMessage: options.onSays,
        isReady: (message) => message.kind === 'ready',
        readyMs: READY_MS,
        mayDrop: ({ kind }) => FRONT_MAY_MISS.has(kind),
        onDropped: options.onDropped,
      }),
    { onRunning: (child) => options.onRunning(child as ProcessChild<ToFront>), hangMs: FRONT_HANG_MS },
  );
}

export interface Children {
  /** null with a database of the user's own. */
  readonly store: Managed | null;
  readonly writer: Managed;
  readonly front: Managed;
  readonly keeper: Managed;
  readonly notifier: Managed;
}

export interface CoreOptions {
  readonly settings: Settings;
  readonly logging: Logging;
  /** Where the database is when a child starts; `` before it is known. */
  readonly databaseUrl: () => string;
  readonly keepDays: () => number;
  readonly onEvent: (event: SupervisionEvent) => void;
  readonly watch: Watch;
  readonly onStore: (says: StoreSays) => void;
  readonly onWriter: (says: WriterSays) => void;
  readonly onFront: (says: FromFront) => void;
  readonly onFrontRunning: (front: ProcessChild<ToFront>) => void;
  readonly onFrontDropped: () => void;
  readonly notices: NotifierLine;
}

/** Describes every core child; none is started. They stop in reverse order of this list. */
export function coreChildren(options: CoreOptions): Children {
  const { settings, logging, databaseUrl, notices, onEvent, watch } = options;
  const supervision = { onEvent, watch };
  const { customerId, deployColor, node, dataDir, checkIntervalMs } = settings;
  const identity = { customerId, node };
  const init = (): FrontInit => ({
    ...identity,
    ...settings.front,
    version: VERSION,
    deployColor,
    sharePort: false,
    jwtSecret: settings.jwtSecret,
    checkIntervalS: checkIntervalMs / 1000,
    log: settings.log,
  });
  const writer = (): WriterData => ({
    ...identity,
    url: databaseUrl(),
    sqlDirectory: SQL_DIR,
    cycleMs: checkIntervalMs,
    logging,
  });
  return {
    store:
      settings.databaseUrl === null
        ? storeChild({ dataDir, logging, onSays: options.onStore }, supervision)
        : null,
    writer: writerChild(writer, options.onWriter, supervision),
    front: frontChild(
      {
        init,
        onSays: options.onFront,
        onRunning: options.onFrontRunning,
        onDropped: options.onFrontDropped,
      },
      supervision,
    ),
    keeper: keeperChild(
      () => ({ url: databaseUrl(), keepDays: options.keepDays(), node, logging }),
      supervision,
    ),
    notifier: notifierChild(
      () => ({ url: notices.url, logging }),
      { onSays: ({ id }) => notices.delivered(id), onRunning: () => notices.runs() },
      supervision,
    ),
  };
}
