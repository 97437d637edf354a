/**
 * A core child on a worker thread of its own, so that a crash or a stall of it stays its own. The thread says
 * `{kind: 'ready'}` when it works and `{kind: 'beat'}` every second; everything else it says is for the caller.
 */
import { Worker } from 'node:worker_threads';
import { messageOf } from '../contract/errors.js';
import type { Child } from './managed.js';

/** What every supervised thread and process may say besides its own messages. */
export type Lifecycle =
  | { readonly kind: 'ready' }
  | { readonly kind: 'beat'; readonly heapUsedBytes: number };

export interface ThreadOptions<In> {
  readonly file: URL;
  readonly data: object;
  readonly onMessage: (message: In) => void;
  /** How long it may take until it is ready, in ms. */
  readonly readyMs: number;
  readonly maxHeapMb?: number;
  /** A thread that is silent for this long after its first beat hangs, in ms; default 20,000. */
  readonly hangMs?: number;
}

export interface ThreadChild<Out> extends Child {
  send(message: Out): void;
}

/** Starts a thread and waits until it is ready. `stop` sends `{kind: 'stop'}`; the thread then ends by itself. */
export async function startThread<In extends { kind: string }, Out extends { kind: string }>(
  options: ThreadOptions<In>,
): Promise<ThreadChild<Out>> {
  const worker = new Worker(options.file, {
    workerData: options.data,
    resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb ?? 512 },
  });
  let reason: string | null = null;
  let heapUsedBytes: number | null = null;
  const life = watchBeats(options.hangMs, () => {
    reason = 'hung';
    void worker.terminate();
  });
  worker.on('error', (error) => {
    reason = messageOf(error);
  });
  // Not `events.once`: it rejects at 'error', which comes before 'exit', and a crash must be an exit like any other.
  const exited = new Promise<string>((resolve) => {
    worker.once('exit', (code) => {
      life.end();
      resolve(reason ?? (code === 0 ? 'normal' : `exit code ${code}`));
    });
  });
  const ready = new Promise<void>((resolve) => {
    worker.on('message', (message: In | Lifecycle) => {
      if (message.kind === 'ready') resolve();
      else if (message.kind === 'beat') {
        life.beat();
        heapUsedBytes = (message as { heapUsedBytes: number }).heapUsedBytes;
      } else options.onMessage(message as In);
    });
  });
  await readyOrEnded(ready, exited, options.readyMs, async () => void (await worker.terminate()));

  let last = worker.performance.eventLoopUtilization();
  return {
    exited,
    stop: () => worker.postMessage({ kind: 'stop' }),
    kill: async () => {
      reason ??= 'killed';
      await worker.terminate();
      await exited;
    },
    send: (message) => worker.postMessage(message),
    health: () => {
      const now = worker.performance.eventLoopUtilization();
      const { utilization } = worker.performance.eventLoopUtilization(now, last);
      last = now;
      return { eventLoopUtilisation: utilization, heapUsedBytes };
    },
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

/** Beats come every second; a loop that is merely busy is back long before this, in ms. */
const HANG_MS = 20_000;
/** After a stall of this very process the beats are still on their way: they get this long to arrive, in ms. */
const SECOND_LOOK_MS = 1_000;

/** Calls `onHung` when no beat has come for `hangMs` after the one before; starts with the first beat. */
export function watchBeats(hangMs: number = HANG_MS, onHung: () => void): { beat(): void; end(): void } {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  return {
    beat: () => {
      clearTimeout(timer);
      if (ended) return;
      timer = setTimeout(() => {
        timer = setTimeout(onHung, SECOND_LOOK_MS);
      }, hangMs);
    },
    end: () => {
      ended = true;
      clearTimeout(timer);
    },
  };
}
