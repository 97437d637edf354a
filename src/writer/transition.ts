/**
 * What one result does to the state of its service. Pure: the same state and result always give the same
 * answer, so a batch that is processed again after a crash ends where it would have ended.
 */
import type { Facts, Measurement, Result, Severity, Verdict } from '../contract/result.js';

export interface ServiceState {
  readonly verdict: Verdict;
  readonly code: string | null;
  readonly detail: string;
  /** When the verdict became what it is, epoch ms. */
  readonly since: number;
  readonly dueAt: number;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly measurements: readonly Measurement[];
  readonly facts: Facts;
  /** First failure of the outage that is going on; null when there is none. Survives `unknown` and restarts. */
  readonly outageSince: number | null;
}

export type Effect =
  | { readonly kind: 'none' }
  /** An outage begins: one alert, unless the service still has an unacknowledged one. */
  | { readonly kind: 'outage'; readonly severity: Severity }
  | { readonly kind: 'recovery'; readonly outageSince: number };

/** A state from further ahead than this was made by a clock that has been set back since, in ms. */
const AHEAD_MS = 60_000;

/** Whether what was due at `dueAt` is older than the state. A state from the future is older than everything. */
export function isOlder(dueAt: number, state: ServiceState, nowMs: number): boolean {
  return dueAt < state.dueAt && state.dueAt <= nowMs + AHEAD_MS;
}

/** A result older than the state (a late replay) is history only and moves nothing. `nowMs` is epoch ms. */
export function transition(
  state: ServiceState | null,
  result: Result,
  nowMs: number,
): { readonly state: ServiceState; readonly effect: Effect } {
  if (state !== null && isOlder(result.dueAt, state, nowMs)) return { state, effect: { kind: 'none' } };
  const outageSince = state?.outageSince ?? null;
  const next = {
    verdict: result.verdict,
    code: result.code ?? null,
    detail: result.detail,
    since: state !== null && state.verdict === result.verdict ? state.since : result.startedAt,
    dueAt: result.dueAt,
    startedAt: result.startedAt,
    durationMs: result.durationMs,
    measurements: result.measurements ?? [],
    facts: result.facts ?? {},
  };
  switch (result.verdict) {
    case 'unknown':
      // Nothing was judged, so nothing began and nothing ended.
      return { state: { ...next, outageSince }, effect: { kind: 'none' } };
    case 'fail': {
      // A failure that another service explains is kept, but the other one's alert speaks for it. Should it
      // outlive its explanation, its own outage begins then.
      if (outageSince !== null || result.explainedBy !== undefined) {
        return { state: { ...next, outageSince }, effect: { kind: 'none' } };
      }
      return {
        state: { ...next, outageSince: result.startedAt },
        effect: { kind: 'outage', severity: result.severity ?? 'error' },
      };
    }
    case 'pass':
    case 'warn':
      return {
        state: { ...next, outageSince: null },
        effect: outageSince === null ? { kind: 'none' } : { kind: 'recovery', outageSince },
      };
  }
}
