/** A writer's directory for tests that need no database. */
import type { Directory, Entry } from '../../src/writer/directory.js';
import type { Made } from '../../src/writer/transition.js';
import { resultOf } from '../queue/batch-kit.js';

export const NOW = 1_700_000_000_000;

let nextId = 1;
export function entryOf(name: string, more: Partial<Entry> = {}): Entry {
  const base = { id: nextId++, name, family: 'http', target: name, intervalMs: 1_000, state: null };
  return { ...base, source: 'config', ...more };
}
export const directoryOf = (...entries: Entry[]): Directory =>
  new Map(entries.map((entry) => [entry.name, entry]));

/** A result whose maker is not known: its order is that of the instants at which checks were due. */
export const madeOf = (...of: Parameters<typeof resultOf>): Made => ({ ...resultOf(...of), made: 'test' });
