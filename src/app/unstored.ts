import type { Changes } from '../../schema/messages.js';
import type { Check } from '../../schema/wire.js';
import { type Result, SELF_FAMILY } from '../contract/result.js';

const instant = (ms: number): string => new Date(ms).toISOString();

/**
 * What people see of results that wait for the database: the newest of each service, marked as not stored. They
 * have no revision and move no alert or cycle; when the results are stored, the writer's own changes take over.
 * `intervalMs` answers how often a target is checked. Pure.
 */
export function unstored(results: readonly Result[], intervalMs: (target: string) => number): Changes {
  const newest = new Map<string, Result>();
  for (const result of results) {
    const known = newest.get(result.service);
    if (known === undefined || known.dueAt <= result.dueAt) newest.set(result.service, result);
  }
  const checks = [...newest.values()].map(
    (result): Check => ({
      service: result.service,
      family: result.family,
      status: result.verdict,
      code: result.code ?? null,
      detail: result.detail,
      since: null,
      checked_at: instant(result.startedAt),
      duration_ms: result.durationMs,
      interval_s: intervalMs(result.target) / 1000,
      measurements: [...(result.measurements ?? [])],
      facts: result.facts ?? {},
      stored: false,
    }),
  );
  return { rev: 0, checks, removed: [], alerts: [], cycle: null };
}

/**
 * Tells which results are worth showing: all of targets; of what Matrix says about itself, trouble, and then that it is
 * over, but not that all has always been well, which is not stored either.
 */
export function ownNews(): (result: Result) => boolean {
  const inTrouble = new Set<string>();
  return ({ family, service, verdict }) => {
    if (family !== SELF_FAMILY) return true;
    if (verdict !== 'pass') inTrouble.add(service);
    return verdict !== 'pass' || inTrouble.delete(service);
  };
}
