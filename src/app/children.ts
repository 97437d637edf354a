/** The core children: what each is started with, and what it says back. Specs as data, wiring by callbacks. */
import { pathToFileURL } from 'node:url';
import type { Changes, FromFront, FrontInit, ToFront } from '../../schema/messages.js';
import type { KeepDays, KeeperData } from '../../workers/keeper.js';
import type { WriterData } from '../../workers/writer.js';
import { workerEntry } from '../config/paths.js';
import { systemClock } from '../contract/clock.js';
import { type ChildSpec, childSpec } from '../supervisor/child-spec.js';
import { type Child, Managed, type ManagedOptions, type SupervisionEvent } from '../supervisor/managed.js';
import { type ProcessChild, startProcess } from '../supervisor/process.js';
import { startThread, type ThreadChild } from '../supervisor/thread.js';
import type { Logging } from '../supervisor/thread-side.js';
import type { WriterStats } from '../writer/writer.js';

const entry = (name: string): URL => pathToFileURL(workerEntry(name));

/** Time for a thread to load its modules on a busy machine, in ms. */
const READY_MS = 30_000;
/** PostgreSQL may have to recover after a crash before it answers, in ms. */
const STORE_READY_MS = 180_000;

type OnEvent = (event: SupervisionEvent) => void;

function core(
  spec: Partial<ChildSpec> & { id: string },
  kind: ManagedOptions['kind'],
  onEvent: OnEvent,
  start: () => Promise<Child>,
  more: Pick<ManagedOptions, 'onRunning' | 'onDown'> = {},
): Managed {
  return new Managed({
    spec: childSpec(spec),
    kind,
    clock: systemClock,
    whenExhausted: 'escalate',
    onEvent,
    start,
    ...more,
  });
}

export type StoreSays = { kind: 'url'; url: string } | { kind: 'failed'; message: string; code: string };

/** PostgreSQL of Matrix's own, only without a database URL. */
export function storeChild(
  options: { dataDir: string; logging: Logging; onSays: (says: StoreSays) => void },
  onEvent: OnEvent,
): Managed {
  return core({ id: 'store', shutdownMs: 30_000, intensity: 5 }, 'thread', onEvent, () =>
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

export function writerChild(
  data: () => WriterData,
  onSays: (says: WriterSays) => void,
  onEvent: OnEvent,
): Managed {
  return core({ id: 'writer', shutdownMs: 10_000 }, 'thread', onEvent, () =>
    startThread<WriterSays, never>({
      file: entry('writer'),
      data: data(),
      onMessage: onSays,
      readyMs: READY_MS,
    }),
  );
}

/** Delivers notices. */
export function notifierChild(data: () => { url: string; logging: Logging }, onEvent: OnEvent): Managed {
  return quiet('notifier', data, onEvent);
}

/** Makes and drops partitions. */
export function keeperChild(data: () => KeeperData, onEvent: OnEvent): Managed {
  return quiet('keeper', data, onEvent);
}

function quiet(id: 'notifier' | 'keeper', data: () => object, onEvent: OnEvent): Managed {
  return core({ id, shutdownMs: 5_000 }, 'thread', onEvent, () =>
    startThread<never, KeepDays>({
      file: entry(id),
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

/** The front's process; `onRunning` gets a way to speak to it. */
export function frontChild(
  options: {
    init: () => FrontInit;
    onSays: (says: FromFront) => void;
    onRunning: (front: ProcessChild<ToFront>) => void;
  },
  onEvent: OnEvent,
): Managed {
  return core(
    { id: 'front', shutdownMs: 5_000 },
    'process',
    onEvent,
    () =>
      startProcess<FromFront, ToFront>({
        file: entry('front'),
        first: { kind: 'init', init: options.init() },
        onMessage: options.onSays,
        isReady: (message) => message.kind === 'ready',
        readyMs: READY_MS,
      }),
    { onRunning: (child) => options.onRunning(child as ProcessChild<ToFront>) },
  );
}
