import { parentPort, workerData } from 'node:worker_threads';
import { createLogger, type Logger } from '../log/logger.js';
import { type Pulse, startPulse } from './pulse.js';

/** What a thread needs to log like the rest of the house; plain data, so that it can be handed over. */
export interface Logging {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'json' | 'pretty';
  readonly base: Readonly<Record<string, string | null>>;
}

export interface ThreadSide<Data> {
  readonly data: Data;
  readonly log: Logger;
  /** Says something to the main thread. */
  post(message: object): void;
  /** Tells the supervisor that this thread works; from then on it also tells that it lives. */
  ready(): void;
}

/**
 * The inside of a thread started by `startThread`: its data, its logger, its signs of life. `onMessage` gets what
 * main says; `stop` ends the thread cleanly after `onStop`.
 */
export function threadSide<Data extends { readonly logging: Logging }, In extends { kind: string } = never>(
  service: string,
  handlers: { readonly onStop: () => Promise<void>; readonly onMessage?: (message: In) => void },
): ThreadSide<Data> {
  const port = parentPort;
  if (port === null) throw new Error(`${service} runs in a worker thread only`);
  const { data, pulse } = workerData as { readonly data: Data; readonly pulse: Pulse };
  const log = createLogger({ service, ...data.logging });
  const post = (message: object): void => port.postMessage(message);
  port.on('message', (message: In | { kind: 'stop' }) => {
    if (message.kind !== 'stop') {
      handlers.onMessage?.(message as In);
      return;
    }
    void handlers.onStop().finally(() => process.exit(0));
  });
  return {
    data,
    log,
    post,
    ready: () => {
      startPulse(pulse);
      post({ kind: 'ready' });
    },
  };
}
