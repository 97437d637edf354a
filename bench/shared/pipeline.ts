/** The queue and the writer as Matrix runs them: the producer on this thread, the writer on one of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { WriterSays } from '../../src/app/children.js';
import { SQL_DIR, workerEntry } from '../../src/config/paths.js';
import type { Result } from '../../src/contract/result.js';
import { Producer } from '../../src/queue/producer.js';
import { Spool } from '../../src/queue/spool.js';
import { startThread } from '../../src/supervisor/thread.js';
import type { WriterData } from '../../workers/writer.js';
import { LOGGING } from './probing.js';
import { serviceName } from './results.js';

export interface Pipeline {
  add(results: readonly Result[]): void;
  /** Results that are committed, since the start. */
  readonly stored: number;
  /** Resolves when this many are committed. */
  untilStored(count: number): Promise<void>;
  close(): Promise<void>;
}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const READY_MS = 30_000;

/** Starts both on the database at `url` and declares `services` services. */
export async function startPipeline(url: string, services: number): Promise<Pipeline> {
  const directory = mkdtempSync(join(tmpdir(), 'matrix-bench-spool-'));
  const spool = await Spool.open({ directory });
  let stored = 0;
  let changes = 0;
  let wake: () => void = () => undefined;
  let ready: () => void = () => undefined;
  const schemaReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const data: WriterData = {
    url,
    sqlDirectory: SQL_DIR,
    customerId: 'axe',
    node: 'bench',
    cycleMs: 30_000,
    logging: LOGGING,
  };
  const writer = await startThread<WriterSays, never>({
    file: pathToFileURL(workerEntry('writer')),
    data,
    readyMs: READY_MS,
    onMessage: (says) => {
      if (says.kind === 'schema_ready') ready();
      else if (says.kind === 'stats') stored = says.stats.stored;
      else changes += 1;
      wake();
    },
  });
  await schemaReady;
  const producer = new Producer({ node: 'bench', spool, onState: () => undefined, log: quiet });
  producer.connect(url);
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  producer.add({
    declare: Array.from({ length: services }, (_, index) => ({
      name: serviceName(index),
      family: 'http',
      intervalMs: 1000,
      config: {},
    })),
  });
  await until(() => changes > 0);
  return {
    add: (results) => producer.add({ results }),
    get stored() {
      return stored;
    },
    untilStored: (count) => until(() => stored >= count),
    close: async () => {
      await producer.close();
      writer.stop();
      await writer.exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
