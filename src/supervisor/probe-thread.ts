/**
 * One probe thread as a supervised child: a Piscina pool of exactly one thread. Piscina carries tasks and ends
 * threads; it respawns at once and without a budget, so a pool whose thread ended is thrown away and our
 * supervisor makes the next one when the budget says so. `atomics: 'disabled'` because a thread that is parked
 * on Atomics between tasks runs neither its sockets nor its timers.
 */
import { Piscina } from 'piscina';
import { messageOf } from '../contract/errors.js';
import type { Child } from './managed.js';
import type { ProbeMessage, ProbeTask } from './probe-host.js';

export interface ProbeThread extends Child {
  /** Hands a batch over; its results come through `onMessage`. */
  run(task: ProbeTask): void;
}

export interface ProbeThreadOptions {
  readonly file: URL;
  readonly family: string;
  readonly logging: object;
  readonly maxHeapMb?: number;
  readonly onMessage: (message: ProbeMessage) => void;
}

/** Starts the thread and waits until the family's driver is loaded. */
export async function startProbeThread(options: ProbeThreadOptions): Promise<ProbeThread> {
  const pool = new Piscina({
    filename: options.file.href,
    minThreads: 1,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 10_000,
    atomics: 'disabled',
    workerData: { family: options.family, logging: options.logging },
    resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb ?? 256 },
  });
  let heapUsedBytes: number | null = null;
  let reason: string | null = null;
  let ended: (reason: string) => void = () => undefined;
  const exited = new Promise<string>((resolve) => {
    ended = (why) => {
      reason ??= why;
      resolve(reason);
    };
  });
  const worker = pool.threads[0];
  pool.on('message', (message: ProbeMessage) => {
    heapUsedBytes = message.heapUsedBytes;
    options.onMessage(message);
  });
  pool.on('error', (error) => ended(messageOf(error)));
  worker?.on('error', (error) => ended(messageOf(error)));
  worker?.on('exit', (code) => ended(`exit code ${code}`));
  // Whatever ended the thread, the pool must not start another one by itself.
  const gone = exited.then(() => pool.destroy());
  gone.catch(() => undefined);

  const run = (task: ProbeTask | { readonly warm: true }): Promise<unknown> => pool.run(task);
  try {
    await run({ warm: true });
  } catch (error) {
    ended(messageOf(error));
    await gone;
    throw error;
  }
  let last = worker?.performance.eventLoopUtilization();
  return {
    exited,
    run: (task) => {
      run(task).catch((error: unknown) => ended(messageOf(error)));
    },
    stop: () => ended('normal'),
    kill: async () => {
      ended('killed');
      await gone;
    },
    health: () => {
      const now = worker?.performance.eventLoopUtilization();
      const used =
        now === undefined ? null : (worker?.performance.eventLoopUtilization(now, last).utilization ?? null);
      last = now;
      return { eventLoopUtilisation: used, heapUsedBytes };
    },
  };
}
