/** Which service each result belongs to, worked out before anything is written. Pure. */
import { COMMON_CODES, cleanText, type Result } from '../contract/result.js';
import type { Directory, Entry } from './directory.js';

/** Family of what Matrix says about itself; such services need no target. */
export const SELF_FAMILY = 'matrix';

export interface Resolved {
  /** Results to store, in order, each with a service that exists or is in `discovered`. */
  readonly results: readonly Result[];
  readonly discovered: readonly Pick<Entry, 'name' | 'family' | 'target' | 'intervalMs'>[];
}

const isFinite = (value: number): boolean => Number.isFinite(value);

/**
 * A result counts when its service is known, or when its target is known and reports a new one. Results of
 * targets that were removed meanwhile are left out: they must not bring anything back.
 * `complete` names the calls that reported everything their target has; what such a target used to report and
 * now does not becomes `unknown`, once.
 */
export function resolve(
  directory: Directory,
  sent: readonly Result[],
  complete: readonly { target: string; dueAt: number }[],
): Resolved {
  const discovered = new Map<string, Pick<Entry, 'name' | 'family' | 'target' | 'intervalMs'>>();
  const results: Result[] = [];
  for (const raw of sent) {
    if (!isFinite(raw.dueAt) || !isFinite(raw.startedAt) || !isFinite(raw.durationMs)) continue;
    const result = clean(raw);
    const known = directory.get(result.service) ?? discovered.get(result.service);
    if (known !== undefined && known.target !== result.target) continue;
    if (known === undefined) {
      const target = directory.get(result.target);
      const self = result.family === SELF_FAMILY;
      if (!self && (target === undefined || target.name === result.service)) continue;
      discovered.set(result.service, {
        name: result.service,
        family: result.family,
        target: result.target,
        intervalMs: target?.intervalMs ?? 30_000,
      });
    }
    results.push(result);
  }
  results.push(...gone(directory, results, complete));
  return { results, discovered: [...discovered.values()] };
}

/** How many of `sent` were left out. */
export function orphans(sent: readonly Result[], kept: readonly Result[]): number {
  return Math.max(0, sent.length - kept.filter((result) => result.code !== 'not_reported').length);
}

function gone(
  directory: Directory,
  results: readonly Result[],
  complete: readonly { target: string; dueAt: number }[],
): Result[] {
  if (complete.length === 0) return [];
  const reported = new Set(results.map((result) => `${result.target}\n${result.dueAt}\n${result.service}`));
  const calls = new Map(complete.map((call) => [call.target, call.dueAt]));
  const missing: Result[] = [];
  for (const entry of directory.values()) {
    const dueAt = entry.source === 'discovered' ? calls.get(entry.target) : undefined;
    if (dueAt === undefined || entry.state === null || entry.state.code === 'not_reported') continue;
    if (dueAt < entry.state.dueAt || reported.has(`${entry.target}\n${dueAt}\n${entry.name}`)) continue;
    missing.push({
      service: entry.name,
      family: entry.family,
      target: entry.target,
      dueAt,
      startedAt: dueAt,
      durationMs: 0,
      verdict: 'unknown',
      code: 'not_reported',
      detail: COMMON_CODES.not_reported,
    });
  }
  return missing;
}

function clean(result: Result): Result {
  return {
    ...result,
    dueAt: Math.round(result.dueAt),
    startedAt: Math.round(result.startedAt),
    durationMs: Math.max(0, result.durationMs),
    detail: cleanText(result.detail),
  };
}
