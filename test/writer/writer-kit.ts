/** A writer and a producer on a real PostgreSQL, and questions to what they stored. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Changes } from '../../schema/messages.js';
import type { Verdict } from '../../src/contract/result.js';
import { Producer } from '../../src/queue/producer.js';
import { Spool } from '../../src/queue/spool.js';
import { createPool } from '../../src/store/pool.js';
import { Writer, type WriterStats } from '../../src/writer/writer.js';
import { resultOf } from '../queue/batch-kit.js';
import { memoryLog } from '../support/log.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';

export const sqlDirectory = fileURLToPath(new URL('../../../schema/sql', import.meta.url));

export function startWriter(url: string, node = 'test') {
  const changes: Changes[] = [];
  const stats: WriterStats[] = [];
  const log = memoryLog();
  const writer = new Writer({
    url,
    sqlDirectory,
    customerId: 'axe',
    node,
    cycleMs: 30_000,
    log,
    onReady: () => undefined,
    onChanges: (change) => void changes.push(change),
    onStats: (stat) => void stats.push(stat),
  });
  const ended = writer.run();
  const stop = async (): Promise<void> => {
    writer.stop();
    await ended;
  };
  return {
    changes,
    stats,
    log,
    stop,
    last: () => stats.at(-1),
    isActive: () => stats.at(-1)?.active === true,
  };
}
export type RunningWriter = ReturnType<typeof startWriter>;

/** A producer and a writer on a PostgreSQL of their own, with a pool to look at what they stored. */
export async function startRig() {
  const postgres = await startPostgres();
  const directory = mkdtempSync(join(tmpdir(), 'mx-writer-'));
  const writer = startWriter(postgres.url);
  const producer = await startProducer(postgres.url, directory);
  const pool = createPool(postgres.url, { name: 'test' });
  await until('the writer is active', writer.isActive);
  return {
    postgres,
    writer,
    producer,
    pool,
    settled: () => settled(producer, postgres),
    close: async (): Promise<void> => {
      await producer.close();
      await writer.stop();
      await pool.end();
      await postgres.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
export type Rig = Awaited<ReturnType<typeof startRig>>;

export async function startProducer(url: string, directory: string) {
  const spool = await Spool.open({ directory: join(directory, 'spool') });
  const producer = new Producer({ node: 'test', spool, onState: () => undefined, log: memoryLog() });
  producer.connect(url);
  return producer;
}

export const declaration = (...names: string[]) =>
  names.map((name) => ({ name, family: 'http', intervalMs: 1_000, config: { name } }));

/** Waits until the queue of results is empty: everything that was sent has been taken. */
export async function drained(postgres: TestPostgres): Promise<void> {
  await until(
    'the queue is empty',
    async () => {
      const [row] = await postgres.query(
        `SELECT count(*) AS n FROM pgboss.job WHERE name = 'matrix-results' AND state < 'completed'`,
      );
      return Number(row?.['n']) === 0;
    },
    60_000,
  );
}

let markers = 0;

/**
 * Waits until everything that was given to the producer has been stored. What was added before a cycle of its own
 * (in 1970, where it is in nobody's way) is stored before it.
 */
export async function settled(producer: Producer, postgres: TestPostgres): Promise<void> {
  const ts = ++markers * 1_000;
  producer.add({ cycles: [{ ts, intervalMs: 1, expected: 0, skipped: 0 }] });
  const marked = 'matrix.cycles WHERE ts = to_timestamp($1 / 1000.0)';
  await until('the marker is stored', async () => (await count(postgres, marked, [ts])) === 1, 60_000);
  await drained(postgres);
}

export async function count(postgres: TestPostgres, sql: string, values: unknown[] = []): Promise<number> {
  const [row] = await postgres.query(`SELECT count(*) AS n FROM ${sql}`, values);
  return Number(row?.['n']);
}

/** A service's whole life: which results were made, and which outages are in them. */
export class Life {
  made = 0;
  outages = 0;
  recoveries = 0;
  readonly counts: Record<Verdict, number> = { pass: 0, warn: 0, fail: 0, unknown: 0 };
  private down = false;

  constructor(
    readonly service: string,
    private readonly from: number,
  ) {}

  /** The next result: fails for a while, now and then. */
  next() {
    const verdict: Verdict = this.made % 10 < 7 ? 'pass' : 'fail';
    if (verdict === 'fail' && !this.down) this.outages += 1;
    if (verdict === 'pass' && this.down) this.recoveries += 1;
    this.down = verdict === 'fail';
    this.counts[verdict] += 1;
    const result = resultOf(this.service, this.from + this.made * 1_000, verdict);
    this.made += 1;
    return result;
  }
}

/** The services that somebody sees who hears all these changes in order. */
export function fold(all: readonly Changes[]): Set<string> {
  const seen = new Set<string>();
  for (const change of [...all].sort((a, b) => a.rev - b.rev)) {
    for (const name of change.removed) seen.delete(name);
    for (const check of change.checks) seen.add(check.service);
  }
  return seen;
}
