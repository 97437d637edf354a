/** From what the collector says to what travels: batches of a bounded size, in order. Pure but for the ids. */
import type { Batch } from '../../schema/messages.js';
import { LIMITS } from '../contract/limits.js';
import type { Result } from '../contract/result.js';
import { orderedId } from './ids.js';

/** What may travel in a batch; an entry is never split. */
export interface Entry {
  readonly results?: readonly Result[];
  readonly cycles?: Batch['cycles'];
  readonly declare?: NonNullable<Batch['declare']>;
}

/** Puts entries into batches. A declaration ends its batch, so that what follows it is judged by it. */
export function gather(entries: readonly Entry[], node: string): Batch[] {
  const newBatch = (): Batch => ({ v: 1, id: orderedId(), node, results: [], cycles: [] });
  const batches: Batch[] = [];
  let batch = newBatch();
  for (const entry of entries) {
    batch.results.push(...((entry.results ?? []) as Batch['results']));
    batch.cycles.push(...(entry.cycles ?? []));
    if (entry.declare !== undefined) batch.declare = entry.declare;
    if (batch.results.length >= LIMITS.batch_results.value || entry.declare !== undefined) {
      batches.push(batch);
      batch = newBatch();
    }
  }
  if (batch.results.length + batch.cycles.length > 0) batches.push(batch);
  return batches;
}

export function resultsIn(batches: readonly Batch[]): number {
  return batches.reduce((sum, batch) => sum + batch.results.length, 0);
}

/** Whether PostgreSQL refused the data itself (SQLSTATE 22, 54): sending it again as it is would be of no use. */
export function isRefused(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^(22|54)...$/.test(code);
}

/** The same without what JSON can say and PostgreSQL's `jsonb` cannot hold: NUL and halves of characters. */
export function withoutUnstorable<T>(value: T): T {
  return clean(value) as T;
}

function clean(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '').toWellFormed();
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [clean(key), clean(member)]));
}
