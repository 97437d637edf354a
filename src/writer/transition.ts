/**
 * What one result does to the state of its service. Pure: the same state and result always give the same
 * answer, so a batch that is processed again after a crash ends where it would have ended.
 */
import type { Facts, Measurement, Result, Severity, Verdict } from '../contract/result.js';
import { haveOneMaker } from '../queue/ids.js';

/** A result with its place in the order of making: the id of the batch that brought it, and its place in that. */
export interface Made extends Result {
  /** Of one process the later one is greater, whatever its clock did; see `haveOneMaker`. */
  readonly made: string;
}

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
  /** `Made.made` of the newest result; null for a state that an older Matrix wrote. */
  readonly made: string | null;
}

export type Effect =
  | { readonly kind: 'none' }
  /** An outage begins: one alert, unless the service still has an unacknowledged one. */
  | { readonly kind: 'outage'; readonly severity: Severity }
  | { readonly kind: 'recovery'; readonly outageSince: number };

/** A state from further ahead than this was made by a clock that has been set back since, in ms. */
const AHEAD_MS = 60_000;

/**
 * Whether a result is older than the state. The results of one process tell by the order of their making. Of several,
 * by the instants at which they were due; a state from the future is then older than everything.
 */
export function isOlder(
  { dueAt, made }: Pick<Made, 'dueAt' | 'made'>,
  state: Pick<ServiceState, 'dueAt' | 'made'>,
  nowMs: number,
): boolean {
  if (state.made !== null && haveOneMaker(made, state.made)) return made < state.made;
  return dueAt < state.dueAt && state.dueAt <= nowMs + AHEAD_MS;
}

/** A result older than the state (a late replay) is history only and moves nothing. `nowMs` is epoch ms. */
export function transition(
  state: ServiceState | null,
  result: Made,
  nowMs: number,
): { readonly state: ServiceState; readonly effect: Effect } {
  if (state !== null && isOlder(result, state, nowMs)) return { state, effect: { kind: 'none' } };
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
    made: result.made,
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
