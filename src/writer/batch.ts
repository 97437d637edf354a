/**
 * One transaction of the writer: takes jobs from the queue, stores what they carry, completes them. Whatever is
 * killed at whatever moment, either all of it is stored and the jobs are gone, or none of it and they wait.
 */

import { Ajv } from 'ajv';
import { type Batch, BatchSchema, type Changes } from '../../schema/messages.js';
import type { Check } from '../../schema/wire.js';
import { LIMITS } from '../contract/limits.js';
import type { Result } from '../contract/result.js';
import { bossDatabase, NOTICES_QUEUE } from '../queue/queues.js';
import { closeCycles, closeInterrupted, newestCycle } from './cycles.js';
import { declareTargets } from './declare.js';
import { type Directory, type Entry, loadDirectory } from './directory.js';
import { bury, type Job, type JobContext, withJobs } from './jobs.js';
import { type Plan, plan } from './plan.js';
import { resolve } from './resolve.js';
import { nextRevision } from './transaction.js';
import type { Made } from './transition.js';
import { ensurePartitions, insertAlerts, insertDiscovered, insertResults, writePlan } from './write.js';

const validBatch = new Ajv({ strict: true }).compile<Batch>(BatchSchema);

export interface WriterContext extends JobContext {
  readonly customerId: string;
  readonly node: string;
  readonly cycleMs: number;
  /** Days whose partition is known to exist. */
  readonly days: Set<number>;
}

export interface Outcome {
  readonly jobs: number;
  readonly stored: number;
  /** Results that were stored before; storing them again changed nothing. */
  readonly duplicates: number;
  /** Results that were left out, see `Resolved`. */
  readonly orphaned: number;
  readonly directory: Directory;
  readonly changes: Changes | null;
}

/** Takes up to `limit` jobs and stores them. Throws when the transaction failed; then nothing happened. */
export async function processJobs(
  context: WriterContext,
  directory: Directory,
  limit: number,
): Promise<Outcome> {
  try {
    return await withJobs(context, limit, async (jobs) =>
      jobs.length === 0
        ? { jobs: 0, stored: 0, duplicates: 0, orphaned: 0, directory, changes: null }
        : store(context, directory, await readable(context, jobs), jobs.length),
    );
  } catch (error) {
    // A partition that was made in this transaction is gone with it.
    context.days.clear();
    throw error;
  }
}

/** A batch that is there twice, because it was replayed, counts once. */
async function readable(context: WriterContext, jobs: readonly Job[]): Promise<Batch[]> {
  const batches = new Map<string, Batch>();
  for (const job of jobs) {
    if (validBatch(job.data)) batches.set(job.data.id, job.data);
    else await bury(context, job, `not a batch: ${JSON.stringify(validBatch.errors?.[0] ?? null)}`);
  }
  return [...batches.values()];
}

async function store(
  context: WriterContext,
  before: Directory,
  batches: readonly Batch[],
  jobs: number,
): Promise<Outcome> {
  const { client, customerId, cycleMs } = context;
  let rev = 0;
  const revision = async (): Promise<number> => {
    if (rev === 0) rev = await nextRevision(client, context.node);
    return rev;
  };

  let directory = before;
  const removed: string[] = [];
  for (const { id, declare } of batches) {
    if (declare === undefined) continue;
    const gone = await declareTargets(client, customerId, id, declare, await revision());
    if (gone === null) {
      context.log.warn({ event: 'declaration_superseded', batch: id }, 'a newer list of targets is known');
      continue;
    }
    removed.push(...gone);
    await closeInterrupted(client);
    directory = await loadDirectory(client);
  }
  const declared =
    directory === before
      ? []
      : [...directory.values()].filter((entry) => before.get(entry.name)?.id !== entry.id);

  const nowMs = Date.now();
  const { results, discovered, orphaned } = resolve(directory, batches.flatMap(madeIn), nowMs);
  if (discovered.length > 0) {
    const entries = await insertDiscovered(client, customerId, discovered);
    directory = new Map([...directory, ...entries.map((entry) => [entry.name, entry] as const)]);
  }
  const instants = results.map((result) => result.dueAt);
  remember(context.days, await ensurePartitions(client, instants, context.days));
  const fresh = await insertResults(client, customerId, directory, results);
  const work = plan(
    directory,
    results.filter((_, index) => fresh.has(index)),
    { cycleMs, nowMs },
  );
  const cycles = batches.flatMap(({ id: batch, cycles: closed }) =>
    closed.map((cycle) => ({ ...cycle, batch })),
  );
  const changed = rev > 0 || fresh.size > 0 || cycles.length > 0;
  const { alerts, live } = changed ? await writeAll(context, work, await revision()) : NOTHING;
  await closeCycles(client, customerId, cycles);

  const moved = [...work.moved].filter(([, entry]) => live.has(entry.id));
  const entries = new Map([...declared.map((entry) => [entry.name, entry] as const), ...moved]);
  return {
    jobs,
    stored: fresh.size,
    duplicates: results.length - fresh.size,
    orphaned,
    directory: moved.length === 0 ? directory : new Map([...directory, ...moved]),
    changes: changed
      ? {
          rev,
          checks: [...entries.values()].map(checkOf),
          removed: removed.filter((name) => !directory.has(name)),
          alerts,
          cycle: await newestCycle(client, nowMs),
        }
      : null,
  };
}

/** Places in a batch are compared as text. */
const PLACE_DIGITS = 7;

function madeIn(batch: Batch): Made[] {
  const place = (index: number): string => `${batch.id}/${String(index).padStart(PLACE_DIGITS, '0')}`;
  return (batch.results as unknown as Result[]).map((result, index) => ({ ...result, made: place(index) }));
}

/** Days are only remembered to spare a look at the catalogue. */
export function remember(known: Set<number>, days: readonly number[]): void {
  if (known.size + days.length > LIMITS.known_days.value) known.clear();
  for (const day of days.slice(0, LIMITS.known_days.value)) known.add(day);
}

const NOTHING = { alerts: [], live: new Set<number>() };

/** Answers the alerts that were opened and the ids of services that still existed when their state was written. */
async function writeAll(
  context: WriterContext,
  work: Plan,
  rev: number,
): Promise<{ alerts: Changes['alerts']; live: ReadonlySet<number> }> {
  const { client, customerId } = context;
  const live = await writePlan(client, customerId, work, context.cycleMs, rev);
  const isLive = ({ service }: { service: string }): boolean =>
    live.has(work.moved.get(service)?.id ?? Number.NaN);
  const alerts = await insertAlerts(client, customerId, work.alerts.filter(isLive), rev);
  const notices = work.notices.filter(isLive);
  if (notices.length > 0) {
    await context.boss.insert(
      NOTICES_QUEUE,
      notices.map((notice) => ({ data: notice })),
      { db: bossDatabase(client) },
    );
  }
  return { alerts, live };
}

const instant = (ms: number): string => new Date(ms).toISOString();

/** The wire shape of a directory entry. */
export function checkOf(entry: Entry): Check {
  const { state } = entry;
  return {
    service: entry.name,
    family: entry.family,
    status: state?.verdict ?? 'unknown',
    code: state?.code ?? null,
    detail: state?.detail ?? 'no result yet',
    since: state === null ? null : instant(state.since),
    checked_at: state === null ? null : instant(state.startedAt),
    duration_ms: state?.durationMs ?? null,
    interval_s: entry.intervalMs / 1000,
    measurements: [...(state?.measurements ?? [])],
    facts: state?.facts ?? {},
    stored: true,
  };
}
