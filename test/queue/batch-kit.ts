/** Batches and results for tests of the queue and the writer. */
import type { Batch } from '../../schema/messages.js';
import type { Result } from '../../src/contract/result.js';
import { orderedId } from '../../src/queue/ids.js';

export function resultOf(
  service: string,
  dueAt: number,
  verdict: Result['verdict'] = 'pass',
  more: Partial<Result> = {},
): Result {
  const base = { service, target: service, family: 'http', dueAt, startedAt: dueAt + 3, durationMs: 12.5 };
  return { ...base, verdict, detail: `${verdict} at ${dueAt}`, ...more };
}

export function batchOf(results: readonly Result[], more: Partial<Batch> = {}): Batch {
  return { v: 1, id: orderedId(), node: 'test', results: results as Batch['results'], cycles: [], ...more };
}
