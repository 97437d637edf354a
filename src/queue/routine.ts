/** What goes first when there is no room for all: numbers in a chart, not the news. Pure. */
import type { Batch } from '../../schema/messages.js';

type BatchResult = Batch['results'][number];

/**
 * Leaves out routine passes: those that follow a pass of the same service within these batches. What begins or
 * ends an outage stays, and so do cycles and declarations.
 */
export function withoutRoutine(batches: readonly Batch[]): Batch[] {
  const last = new Map<string, string>();
  // A probe call is kept or dropped whole: a service missing from a kept call would count as gone.
  const call = (result: BatchResult): string => `${result.target}\n${result.dueAt}`;
  const telling = new Set<string>();
  for (const result of batches.flatMap((batch) => batch.results)) {
    if (result.verdict !== 'pass' || last.get(result.service) !== 'pass') telling.add(call(result));
    last.set(result.service, result.verdict);
  }
  return batches.map((batch) => ({
    ...batch,
    results: batch.results.filter((result) => telling.has(call(result))),
  }));
}

/**
 * What must outlive even the results: the newest declaration. Without it the writer would not know the services
 * that later batches speak of. null when there is none.
 */
export function declarationOf(batches: readonly Batch[]): Batch | null {
  const last = batches.findLast((batch) => batch.declare !== undefined);
  return last === undefined ? null : { ...last, results: [], cycles: [] };
}
