/** Which service each result belongs to, worked out before anything is written. Pure. */
import { COMMON_CODES, cleanText, type Result, SELF_FAMILY } from '../contract/result.js';
import type { Directory, Entry } from './directory.js';

export interface Resolved {
  /** Results to store, in order, each with a service that exists or is in `discovered`. */
  readonly results: readonly Result[];
  readonly discovered: readonly Pick<Entry, 'name' | 'family' | 'target' | 'intervalMs'>[];
}

/**
 * A result counts when its service is known, or when its target is known and reports a new one. Results of
 * targets that were removed meanwhile are left out: they must not bring anything back.
 * A call that says how its target is says everything that the target has: what it used to report and now does
 * not becomes `unknown`, once.
 */
export function resolve(directory: Directory, sent: readonly Result[]): Resolved {
  const discovered = new Map<string, Pick<Entry, 'name' | 'family' | 'target' | 'intervalMs'>>();
  const results: Result[] = [];
  for (const raw of sent) {
    if (![raw.dueAt, raw.startedAt, raw.durationMs].every(Number.isFinite)) continue;
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
  results.push(...gone(directory, results));
  return { results, discovered: [...discovered.values()] };
}

/** How many of `sent` were left out. */
export function orphans(sent: readonly Result[], kept: readonly Result[]): number {
  return Math.max(0, sent.length - kept.filter((result) => result.code !== 'not_reported').length);
}

function gone(directory: Directory, results: readonly Result[]): Result[] {
  const calls = new Map(
    results.filter((result) => result.service === result.target).map((call) => [call.target, call]),
  );
  const reported = new Set(results.map((result) => `${result.dueAt}\n${result.service}`));
  const missing: Result[] = [];
  for (const entry of directory.values()) {
    if (entry.source !== 'discovered' || entry.state === null) continue;
    const call = calls.get(entry.target);
    if (call === undefined || entry.state.code === 'not_reported' || call.dueAt < entry.state.dueAt) continue;
    if (reported.has(`${call.dueAt}\n${entry.name}`)) continue;
    const blind = call.verdict === 'fail' || call.verdict === 'unknown';
    missing.push({
      service: entry.name,
      family: entry.family,
      target: entry.target,
      dueAt: call.dueAt,
      startedAt: call.startedAt,
      durationMs: 0,
      verdict: 'unknown',
      code: 'not_reported',
      detail: blind ? `cannot be judged: ${call.detail}` : COMMON_CODES.not_reported,
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
