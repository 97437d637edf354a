import { MatrixError } from '../contract/errors.js';

/**
 * How a child is kept alive. Pure data, merged over `CHILD_DEFAULTS` and validated at start.
 *
 * `intensity` and `periodMs` are OTP's: more than `intensity` restarts within `periodMs` and the supervisor
 * gives up. They answer two questions at once: how large a burst is forgiven (`intensity`), and which sustained
 * rate is not (`intensity / periodMs`). Budgets multiply down a tree: a supervisor that forgives 5, above
 * children that forgive 10 each, lives through 50. Ours is flat on purpose: a family has a budget of its own and
 * spends nobody else's, and only core children count against the root.
 * See https://www.erlang.org/doc/system/sup_princ.html, "Maximum Restart Intensity".
 */
export interface ChildSpec {
  readonly id: string;
  /** `permanent`: always restarted; `transient`: only after an abnormal exit; `temporary`: never. */
  readonly restart: 'permanent' | 'transient' | 'temporary';
  /** How long a child may take to end when asked, before it is killed, in ms. */
  readonly shutdownMs: number;
  readonly intensity: number;
  readonly periodMs: number;
  readonly backoff: Backoff;
}

/** The pause before the n-th restart in a row: `initialMs * factor^(n-1)`, at most `maxMs`, ± `jitter`. */
export interface Backoff {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly factor: number;
  /** 0 to 1: 0.2 spreads the pause over ±20 %, so that children that died together do not return together. */
  readonly jitter: number;
}

export const CHILD_DEFAULTS: Omit<ChildSpec, 'id'> = {
  restart: 'permanent',
  shutdownMs: 5_000,
  intensity: 10,
  periodMs: 60_000,
  backoff: { initialMs: 50, maxMs: 10_000, factor: 2, jitter: 0.2 },
};

/** Merges over the defaults; MX_CHILD_SPEC names the child and the field that is wrong. */
export function childSpec(given: Partial<ChildSpec> & { readonly id: string }): ChildSpec {
  const spec = { ...CHILD_DEFAULTS, ...given, backoff: { ...CHILD_DEFAULTS.backoff, ...given.backoff } };
  const refuse = (field: string, expected: string, came: unknown): never => {
    throw new MatrixError(
      'MX_CHILD_SPEC',
      `child "${spec.id}": ${field} must be ${expected}, not ${String(came)}`,
    );
  };
  if (typeof spec.id !== 'string' || spec.id === '') refuse('id', 'a name', spec.id);
  if (!['permanent', 'transient', 'temporary'].includes(spec.restart)) {
    refuse('restart', 'permanent, transient or temporary', spec.restart);
  }
  if (!(Number.isInteger(spec.intensity) && spec.intensity >= 0)) {
    refuse('intensity', 'a whole number of restarts', spec.intensity);
  }
  for (const [field, value] of [
    ['shutdownMs', spec.shutdownMs],
    ['periodMs', spec.periodMs],
    ['backoff.initialMs', spec.backoff.initialMs],
    ['backoff.maxMs', spec.backoff.maxMs],
  ] as const) {
    if (!(Number.isFinite(value) && value > 0)) refuse(field, 'milliseconds above 0', value);
  }
  if (!(spec.backoff.factor >= 1)) refuse('backoff.factor', 'at least 1', spec.backoff.factor);
  if (!(spec.backoff.jitter >= 0 && spec.backoff.jitter < 1))
    refuse('backoff.jitter', '0 to below 1', spec.backoff.jitter);
  return spec;
}

/** The pause before restart number `attempt` (1 is the first) in ms; `random` is in [0, 1). */
export function pauseMs(backoff: Backoff, attempt: number, random: number): number {
  const grown = Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** Math.max(0, attempt - 1));
  return Math.round(grown * (1 + backoff.jitter * (2 * random - 1)));
}
