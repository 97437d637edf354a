/** What Matrix reports about itself, in the same shape as everything else. */
import { type Result, SELF_FAMILY } from '../contract/result.js';

/** The service that stands for a family of checks; exists from its first trouble on. */
export function familyDown(family: string, reason: string, now: number): Result {
  return {
    ...about(family, now),
    verdict: 'fail',
    code: 'family_failed',
    detail: `the ${family} checks keep crashing (${reason}); their services are not judged until they run again`,
  };
}

/** Ends what `familyDown` said; the writer leaves it out where nothing was ever wrong. */
export function familyUp(family: string, now: number): Result {
  return { ...about(family, now), verdict: 'pass', detail: `the ${family} checks run again` };
}

export function familyGone(family: string, now: number): Result {
  return { ...about(family, now), verdict: 'pass', detail: `nothing is configured for the ${family} checks` };
}

function about(
  family: string,
  now: number,
): Pick<Result, 'service' | 'family' | 'target' | 'dueAt' | 'startedAt' | 'durationMs'> {
  const service = `matrix-family-${family}`;
  return { service, family: SELF_FAMILY, target: service, dueAt: now, startedAt: now, durationMs: 0 };
}
