/**
 * One probe thread as a supervised child: a Piscina pool of exactly one thread. Piscina carries tasks and ends
 * threads; it would respawn at once and without a budget, so a pool whose thread ended is thrown away and our
 * supervisor makes the next one when the budget says so. `atomics: 'disabled'` because a thread that is parked
 * on Atomics between tasks runs neither its sockets nor its timers.
 */
import { Piscina } from 'piscina';
import { messageOf } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';
import type { Child } from './child.js';
import { loadMeter } from './load.js';
import type { ProbeMessage, ProbeTask } from './probe-host.js';
import { beatsOf, heapBytesOf, makePulse } from './pulse.js';
import { readyOrEnded } from './thread.js';

export interface ProbeThread extends Child {
  /** Hands a batch over; its results come through `onMessage`. */
  run(task: ProbeTask): void;
}

export interface ProbeThreadOptions {
  readonly file: URL;
  readonly family: string;
  readonly logging: object;
  readonly maxHeapMb?: number;
  /** How long it may take to load, in ms; default 15,000. */
  readonly readyMs?: number;
  readonly onMessage: (message: ProbeMessage) => void;
}

/** Time for a thread to load its driver on a busy machine, in ms. */
const READY_MS = 15_000;
/** A thread that is stuck in a system call outlives its termination; it is waited for this long, in ms. */
const ZOMBIE_MS = 1_000;

/** Starts the thread and waits until the family's driver is loaded. */
export async function startProbeThread(options: ProbeThreadOptions): Promise<ProbeThread> {
  const pulse = makePulse();
  const pool = new Piscina({
    filename: options.file.href,
    // None by itself: the first task starts the only thread, and no other follows when that one ends.
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 10_000,
    atomics: 'disabled',
    workerData: { family: options.family, logging: options.logging, pulse },
    resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb ?? LIMITS.probe_heap.value },
  });
  let reason: string | null = null;
  let zombie: NodeJS.Timeout | undefined;
  let gone: (reason: string) => void = () => undefined;
  const exited = new Promise<string>((resolve) => {
    gone = resolve;
  });
  // The exit is the end, not the error before it: until then results that were sent already still arrive.
  const end = (why: string): void => {
    if (reason !== null) return;
    reason = why;
    void pool.destroy();
    zombie = setTimeout(() => gone(why), ZOMBIE_MS);
  };
  const run = (task: ProbeTask | { readonly warm: true }): Promise<void> =>
    pool.run(task).then(
      () => undefined,
      (error: unknown) => end(messageOf(error)),
    );

  pool.on('message', (message: ProbeMessage) => options.onMessage(message));
  pool.on('error', (error) => end(messageOf(error)));
  const loaded = run({ warm: true });
  const [worker] = pool.threads;
  if (worker === undefined) throw new Error('the pool has started no thread');
  worker.on('error', (error) => end(messageOf(error)));
  worker.on('exit', (code) => {
    end(`exit code ${code}`);
    clearTimeout(zombie);
    gone(reason ?? 'normal');
  });
  const kill = async (): Promise<void> => {
    end('killed');
    await exited;
  };
  const ready = new Promise<void>((resolve) => void loaded.then(() => reason === null && resolve()));
  await readyOrEnded(ready, exited, options.readyMs ?? READY_MS, kill);

  const load = loadMeter(worker.performance.eventLoopUtilization);
  return {
    exited,
    // A thread that is ending takes nothing more: the pool would start another one for it.
    run: (task) => void (reason === null && run(task)),
    stop: () => end('normal'),
    kill,
    beats: () => beatsOf(pulse),
    health: () => ({
      eventLoopUtilisation: load(performance.now()),
      heapUsedBytes: heapBytesOf(pulse),
    }),
  };
}
