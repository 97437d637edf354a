/** Which service each result belongs to, worked out before anything is written. Pure. */
import { cleanText, type Result, SELF_FAMILY } from '../contract/result.js';
import { Crowd } from './crowd.js';
import type { Directory, Entry } from './directory.js';
import { withGone } from './gone.js';
import type { Made } from './transition.js';

type Found = Pick<Entry, 'name' | 'family' | 'target' | 'intervalMs'>;

export interface Resolved {
  /** Results to store, in order, each with a service that exists or is in `discovered`. */
  readonly results: readonly Made[];
  readonly discovered: readonly Found[];
  /** How many were left out: nobody watches their service, it would be one too many, or they cannot be stored. */
  readonly orphaned: number;
}

/**
 * A result counts when its service is known, or when its target is known and reports a new one. Results of
 * targets that were removed meanwhile are left out: they must not bring anything back.
 * A call that says how its target is says everything that the target has: what it used to report and now does
 * not becomes `unknown`, once.
 */
export function resolve(directory: Directory, sent: readonly Made[], nowMs: number): Resolved {
  const discovered = new Map<string, Found>();
  const crowd = new Crowd(directory);
  const results: Made[] = [];
  let orphaned = 0;
  for (const raw of sent) {
    const known = directory.get(raw.service) ?? discovered.get(raw.service);
    if (known === undefined && raw.family === SELF_FAMILY && !tells(raw)) continue;
    const owner = known ?? newService(directory, raw);
    if (!isStorable(raw) || owner?.target !== raw.target || (known === undefined && !crowd.admits(raw))) {
      orphaned += 1;
      continue;
    }
    if (known === undefined) discovered.set(owner.name, owner);
    results.push(clean(raw));
  }
  const told = results.map((result) => crowd.tell(result));
  const services = [...directory.values(), ...discovered.values()];
  return {
    results: withGone(services, told, nowMs),
    discovered: [...discovered.values()],
    orphaned,
  };
}

/** The service that a result brings with it, if it may: its target is watched, or Matrix speaks of itself. */
function newService(directory: Directory, { service, family, target }: Result): Found | undefined {
  const reporter = directory.get(target);
  if (family !== SELF_FAMILY && (reporter === undefined || target === service)) return undefined;
  return { name: service, family, target, intervalMs: reporter?.intervalMs ?? 30_000 };
}

/** What Matrix says about itself begins with trouble; that all is well is news only after that. */
function tells(self: Result): boolean {
  return self.verdict !== 'pass';
}

/** The end of the year 9999: beyond it neither names of partitions nor ISO instants have their usual form. */
const LAST_INSTANT = 253_402_300_799_999;

/** One result that PostgreSQL refuses would put its whole batch aside. */
function isStorable({ dueAt, startedAt, durationMs }: Result): boolean {
  const isInstant = (ms: number): boolean => ms >= 0 && ms <= LAST_INSTANT;
  return isInstant(dueAt) && isInstant(startedAt) && Number.isFinite(durationMs);
}

/** More than any check may take; what PostgreSQL's `real` holds with room to spare. */
const MAX_DURATION_MS = 1e9;

function clean(result: Made): Made {
  return {
    ...result,
    dueAt: Math.round(result.dueAt),
    startedAt: Math.round(result.startedAt),
    durationMs: Math.min(Math.max(0, result.durationMs), MAX_DURATION_MS),
    detail: cleanText(result.detail),
  };
}
