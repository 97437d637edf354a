/** What is wrong with the results of one target, given what it really answered. Pure. */
import { type Asked, CUT, NO_ANSWER } from '../fixture/log.js';
import { type Matched, match, type Stored } from './match.js';

export interface Surroundings {
  /** When a Matrix was killed with work in its hands, true epoch ms. */
  readonly kills: readonly number[];
  /** When the fixture itself did not run: what it answered then came late. */
  readonly stalls: readonly { readonly at: number; readonly forMs: number }[];
  readonly timeoutMs: number;
}

export interface Verdicts {
  readonly matched: Matched;
  /** Asked, answered and nowhere in the store, although nothing was killed then. */
  readonly lost: readonly Asked[];
  /** Asked by a Matrix that was killed before it could store the answer: not observed. */
  readonly inFlight: readonly Asked[];
  /** Results of no request at all, that claim to have seen an answer. */
  readonly invented: readonly Stored[];
  readonly falseDowns: readonly Stored[];
  readonly missedDowns: readonly Stored[];
  /** Asked, and stored as `unknown`: honest, but not judged. */
  readonly notJudged: number;
}

/** A result that is ready is in the queue or on the disk within this time, in ms. */
const IN_HAND_MS = 2_000;

export function isTrouble({ status }: Asked): boolean {
  return status === CUT || status === NO_ANSWER || status >= 500;
}

/** Both lists are of one target and in order of time. */
export function judge(asked: readonly Asked[], stored: readonly Stored[], around: Surroundings): Verdicts {
  const matched = match(asked, stored);
  const isInFlight = (request: Asked): boolean =>
    around.kills.some((killedAt) => {
      const handsMs = IN_HAND_MS + (request.status === NO_ANSWER ? around.timeoutMs : 0);
      return request.at > killedAt - handsMs && request.at < killedAt + IN_HAND_MS;
    });
  const wasLate = ({ startedAt, durationMs }: Stored): boolean =>
    around.stalls.some(({ at, forMs }) => at > startedAt && at - forMs < startedAt + durationMs);
  const falseDowns = matched.pairs
    .filter(({ asked: request, stored: result }) => result.verdict === 'fail' && !isTrouble(request))
    .map((pair) => pair.stored);
  return {
    matched,
    lost: matched.lost.filter((request) => !isInFlight(request)),
    inFlight: matched.lost.filter(isInFlight),
    invented: matched.unasked.filter(({ status }) => status !== null),
    falseDowns: [
      ...falseDowns,
      ...matched.unasked.filter(
        (result) => result.verdict === 'fail' && result.status === null && !wasSilent(asked, result),
      ),
    ].filter((result) => !wasLate(result)),
    missedDowns: matched.pairs
      .filter(({ asked: request, stored: { verdict } }) => isTrouble(request) && isUp(verdict))
      .map((pair) => pair.stored),
    notJudged: matched.pairs.filter(({ stored: { verdict } }) => verdict === 'unknown').length,
  };
}

/** A target that did not answer before does not answer on a dead line either: nobody can tell the two apart. */
function wasSilent(asked: readonly Asked[], { startedAt }: Stored): boolean {
  return asked.findLast(({ at }) => at < startedAt)?.status === NO_ANSWER;
}

const isUp = (verdict: Stored['verdict']): boolean => verdict === 'pass' || verdict === 'warn';
