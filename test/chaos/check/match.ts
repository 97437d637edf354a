/**
 * Finds for every stored result the very request that it came from. Pure. What is left over on either side is what
 * the run is about: a request without a result was lost, a result without a request was made up or stored twice.
 */
import { type Asked, CUT, NO_ANSWER } from '../fixture/log.js';

export interface Stored {
  readonly target: number;
  /** When the check began, epoch ms of the true clock, whatever the clock of Matrix said. */
  readonly startedAt: number;
  /** The instant as stored, by the clock of Matrix. */
  readonly storedAt: number;
  readonly durationMs: number;
  readonly verdict: 'pass' | 'warn' | 'fail' | 'unknown';
  readonly code: string | null;
  /** The HTTP status that it saw; null when it saw none. */
  readonly status: number | null;
}

export interface Matched {
  readonly pairs: readonly { readonly asked: Asked; readonly stored: Stored }[];
  readonly lost: readonly Asked[];
  readonly unasked: readonly Stored[];
}

/** A request on a line that was cut may be delivered by the kernel this long after its check gave up, in ms. */
const LATE_MS = 60_000;
/** Codes of checks that were never handed to a thread that lived: no request of theirs can come late. */
const NEVER_SENT = /^(thread_|family_|interrupted)/;

/** How far the two processes' ideas of one instant may lie apart on a machine that is busy, in ms. */
const NEAR_MS = 2_500;

/** Both lists are of one target and in order of time. */
export function match(asked: readonly Asked[], stored: readonly Stored[]): Matched {
  const free = new Set(asked);
  const found = new Map<Stored, Asked>();
  const claim = (result: Stored, fits: (candidate: Asked) => boolean, lateMs = NEAR_MS): void => {
    const one = nearest(
      candidates(asked, result, lateMs),
      result,
      (candidate) => free.has(candidate) && fits(candidate),
    );
    if (one === undefined) return;
    free.delete(one);
    found.set(result, one);
  };
  // A status names its request; the others take what is left, failures first what failed.
  for (const result of stored)
    if (result.status !== null) claim(result, ({ status }) => status === result.status);
  const silent = stored.filter(({ status }) => status === null);
  for (const result of silent)
    if (result.verdict === 'fail') claim(result, ({ status }) => status === CUT || status === NO_ANSWER);
  for (const result of silent) if (!found.has(result)) claim(result, () => true);
  for (const result of silent) {
    if (!found.has(result) && !NEVER_SENT.test(result.code ?? '')) claim(result, () => true, LATE_MS);
  }
  return {
    pairs: [...found].map(([result, request]) => ({ asked: request, stored: result })),
    lost: [...free],
    unasked: stored.filter((result) => !found.has(result)),
  };
}

/** The requests around a result, by bisection. */
function candidates(
  asked: readonly Asked[],
  { startedAt, durationMs }: Stored,
  lateMs: number,
): readonly Asked[] {
  const from = lowerBound(asked, startedAt - NEAR_MS);
  let to = from;
  while (to < asked.length && (asked[to]?.at ?? 0) <= startedAt + durationMs + lateMs) to += 1;
  return asked.slice(from, to);
}

function lowerBound(asked: readonly Asked[], at: number): number {
  let low = 0;
  let high = asked.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((asked[middle]?.at ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function nearest(
  among: readonly Asked[],
  { startedAt }: Stored,
  fits: (candidate: Asked) => boolean,
): Asked | undefined {
  let best: Asked | undefined;
  for (const candidate of among) {
    if (!fits(candidate)) continue;
    if (best === undefined || Math.abs(candidate.at - startedAt) < Math.abs(best.at - startedAt))
      best = candidate;
  }
  return best;
}
