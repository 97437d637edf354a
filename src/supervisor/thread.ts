/**
 * A core child on a worker thread of its own, so that a crash or a stall of it stays its own. The thread says
 * `{kind: 'ready'}` when it works; everything else it says is for the caller. That it lives, it shows in memory.
 */
import { Worker } from 'node:worker_threads';
import { messageOf } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';
import type { Child } from './child.js';
import { loadMeter } from './load.js';
import { beatsOf, heapBytesOf, makePulse } from './pulse.js';

export interface ThreadOptions<In> {
  readonly file: URL;
  readonly data: object;
  readonly onMessage: (message: In) => void;
  /** How long it may take until it is ready, in ms. */
  readonly readyMs: number;
  readonly maxHeapMb?: number;
}

export interface ThreadChild<Out> extends Child {
  send(message: Out): void;
}

/** Starts a thread and waits until it is ready. `stop` sends `{kind: 'stop'}`; the thread then ends by itself. */
export async function startThread<In extends { kind: string }, Out extends { kind: string }>(
  options: ThreadOptions<In>,
): Promise<ThreadChild<Out>> {
  const pulse = makePulse();
  const worker = new Worker(options.file, {
    workerData: { data: options.data, pulse },
    resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb ?? LIMITS.core_heap.value },
  });
  let reason: string | null = null;
  worker.on('error', (error) => {
    reason = messageOf(error);
  });
  // Not `events.once`: it rejects at 'error', which comes before 'exit', and a crash must be an exit like any other.
  const exited = new Promise<string>((resolve) => {
    worker.once('exit', (code) => {
      resolve(reason ?? (code === 0 ? 'normal' : `exit code ${code}`));
    });
  });
  const ready = new Promise<void>((resolve) => {
    worker.on('message', (message: In | { readonly kind: 'ready' }) => {
      if (message.kind === 'ready') resolve();
      else options.onMessage(message as In);
    });
  });
  await readyOrEnded(ready, exited, options.readyMs, async () => void (await worker.terminate()));

  const load = loadMeter(worker.performance.eventLoopUtilization);
  return {
    exited,
    stop: () => worker.postMessage({ kind: 'stop' }),
    kill: async () => {
      reason ??= 'killed';
      await worker.terminate();
      await exited;
    },
    send: (message) => worker.postMessage(message),
    beats: () => beatsOf(pulse),
    health: () => ({
      eventLoopUtilisation: load(performance.now()),
      heapUsedBytes: heapBytesOf(pulse),
    }),
  };
}

/** Waits for `ready`; a child that ends first, or takes longer than `readyMs`, is a failed start. */
export async function readyOrEnded(
  ready: Promise<void>,
  exited: Promise<string>,
  readyMs: number,
  kill: () => Promise<void>,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`not ready after ${readyMs} ms`), readyMs);
  });
  const problem = await Promise.race([
    ready.then(() => null),
    exited.then((reason) => `ended before it was ready: ${reason}`),
    late,
  ]);
  clearTimeout(timer);
  if (problem === null) return;
  await kill();
  throw new Error(problem);
}
