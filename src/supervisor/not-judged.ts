import { COMMON_CODES, type CommonCode } from '../contract/result.js';
import type { Due, Outcome } from './due.js';

/** The answer to a check that nobody makes any more, and why. `nowMs` is monotonic. */
export function notJudged(due: Due, code: CommonCode, family: string, nowMs: number): Outcome {
  const { name } = due.target;
  return {
    due,
    results: [
      {
        service: name,
        family,
        target: name,
        dueAt: due.dueAt,
        startedAt: Math.round(due.ready.wallMs),
        durationMs: Math.max(0, nowMs - due.ready.monotonicMs),
        verdict: 'unknown',
        code,
        detail: COMMON_CODES[code],
      },
    ],
  };
}
