/**
 * The writer without a database: takes batches in transactions that may fail before or after their commit, and keeps
 * what a store would keep. Beside it the rule in its plainest form, which knows nothing of batches, states and clocks.
 */
import type { Result } from '../../src/contract/result.js';
import type { Directory, Entry } from '../../src/writer/directory.js';
import { type Notice, plan } from '../../src/writer/plan.js';
import { resolve } from '../../src/writer/resolve.js';
import type { Made } from '../../src/writer/transition.js';

/** What one process made in one go, in its order. */
export interface ModelBatch {
  readonly id: string;
  readonly results: readonly Result[];
}

/** Id of a batch: of the n-th of a process, whose clock the order does not depend on. */
export function idOf(maker: number, n: number): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
  return `${hex(n, 8)}-0000-7000-8000-${hex(maker, 12)}`;
}

export class ModelWriter {
  directory: Directory;
  readonly stored = new Map<string, Made>();
  readonly told: Notice[] = [];
  readonly alerts: { service: string; createdAt: number }[] = [];
  readonly observedMs = new Map<string, number>();

  constructor(...entries: readonly Entry[]) {
    this.directory = new Map(entries.map((entry) => [entry.name, entry]));
  }

  /** One transaction. When it does not commit, nothing of it happened. */
  transact(batches: readonly ModelBatch[], nowMs: number, commits: boolean): void {
    const once = new Map(batches.map((batch) => [batch.id, batch]));
    const sent = [...once.values()].flatMap(({ id, results }) =>
      results.map((result, index): Made => ({ ...result, made: `${id}/${String(index).padStart(7, '0')}` })),
    );
    const { results, discovered } = resolve(this.directory, sent, nowMs);
    const directory = new Map(this.directory);
    for (const found of discovered) {
      directory.set(found.name, { ...found, id: 1_000 + directory.size, source: 'discovered', state: null });
    }
    const keys = new Set<string>();
    const fresh = results.filter(({ service, dueAt }) => {
      const key = `${service} ${dueAt}`;
      if (this.stored.has(key) || keys.has(key)) return false;
      keys.add(key);
      return true;
    });
    const work = plan(directory, fresh, { cycleMs: 30_000, nowMs });
    if (!commits) return;
    for (const result of fresh) this.stored.set(`${result.service} ${result.dueAt}`, result);
    this.told.push(...work.notices);
    this.alerts.push(...work.alerts.map(({ service, createdAt }) => ({ service, createdAt })));
    for (const [key, hour] of work.uptime)
      this.observedMs.set(key, (this.observedMs.get(key) ?? 0) + hour.observedMs);
    this.directory = new Map([...directory, ...work.moved]);
  }
}

/** What is told of a service whose results come in their true order; each once. */
export function plainly(results: readonly Result[]) {
  const told: { kind: 'outage' | 'recovery'; at: number; outageSince: number }[] = [];
  let since: number | null = null;
  for (const { verdict, explainedBy, startedAt: at } of results) {
    if (verdict === 'fail' && explainedBy === undefined && since === null) {
      since = at;
      told.push({ kind: 'outage', at, outageSince: at });
    } else if ((verdict === 'pass' || verdict === 'warn') && since !== null) {
      told.push({ kind: 'recovery', at, outageSince: since });
      since = null;
    }
  }
  return { told, outageSince: since, last: results.at(-1) ?? null };
}
