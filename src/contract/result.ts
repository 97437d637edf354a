/**
 * What a check says. These types travel the whole house: probe thread → main → queue → writer → front.
 *
 * Three things are never confused (see `ops/adr/0001-three-things.md`):
 * - the target is down: `fail`, with a code of its family;
 * - the probe could not judge (our bug, a bad config, a full pool, a dead uplink): `unknown`, with a code;
 * - the thread crashed or hung: an exit, seen by the supervisor, which then says `unknown` for what it held.
 */
import { LIMITS } from './limits.js';

export type Verdict = 'pass' | 'warn' | 'fail' | 'unknown';

/** Severity of the alert that a `fail` opens. */
export type Severity = 'info' | 'warning' | 'error' | 'critical';

/** One number that a check measured. `unit` is `ms`, `s`, `bytes`, `percent`, `count` or `days`. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: 'ms' | 's' | 'bytes' | 'percent' | 'count' | 'days';
}

/** Short, flat facts about the target (version, container image, certificate subject). */
export type Facts = Readonly<Record<string, string | number | boolean | null>>;

/**
 * What the uplink probe concludes, carried by one of its findings. While `state` is `down`, checks that go
 * over the uplink are not judged: they become `unknown` with this cause.
 */
export interface Attribution {
  readonly state: 'up' | 'down';
  /** Closed list: `none`, `isp_fault`, `local_link_fault`. */
  readonly cause: 'none' | 'isp_fault' | 'local_link_fault';
  readonly sentence: string;
}

/**
 * What a probe says of one service. One probe call may judge several (an engine's containers).
 * `service` is absent when the finding is about the target itself.
 */
export interface Finding {
  readonly service?: string;
  readonly verdict: Verdict;
  /** From the closed list of the family's `spec.ts`; absent on a plain `pass`. */
  readonly code?: string;
  /** One sentence for a person, never parsed. */
  readonly detail: string;
  readonly measurements?: readonly Measurement[];
  readonly facts?: Facts;
  /** Default: how long the probe call took. */
  readonly durationMs?: number;
  /** Severity of the alert if this is a `fail`; default `error`. */
  readonly severity?: Severity;
  /** Name of the service whose failure explains this one: the result is kept, no alert of its own opens. */
  readonly explainedBy?: string;
  readonly attribution?: Attribution;
}

/** A finding with its place and time, as it travels through the queue. Instants are epoch milliseconds. */
export interface Result extends Finding {
  readonly service: string;
  readonly family: string;
  /** The configured target that was probed; equals `service` unless the service was discovered. */
  readonly target: string;
  /** When the check was due. `(service, dueAt)` identifies a result: storing it twice is impossible. */
  readonly dueAt: number;
  readonly startedAt: number;
  /** From a monotonic clock, never negative. */
  readonly durationMs: number;
}

/** Family of what Matrix says about itself; such services have no target and no thread. */
export const SELF_FAMILY = 'matrix';

/** Codes any family may carry: they are Matrix's own, not the target's. All are `unknown`. */
export const COMMON_CODES = {
  probe_error: 'The probe itself failed (a bug or a bad configuration); the target was not judged.',
  probe_overrun: 'The probe did not answer within its deadline and was cut off; the target was not judged.',
  thread_crashed: 'The thread that ran this check died; the target was not judged.',
  thread_hung:
    'The thread that ran this check stopped answering and was restarted; the target was not judged.',
  family_failed: 'This family of checks keeps crashing and is paused; the target was not judged.',
  interrupted: 'Matrix stopped before the answer came; the target was not judged.',
  uplink_down: 'The uplink is down, so a target behind it cannot be judged.',
  not_reported: 'The target that used to report this service no longer does.',
} as const;

export type CommonCode = keyof typeof COMMON_CODES;

/** Makes text safe for PostgreSQL (no NUL, no lone surrogate) and bounded: a longer one is cut with an ellipsis. */
export function cleanText(text: string, maxChars: number = LIMITS.detail_chars.value): string {
  const bounded = text.length > maxChars ? `${text.slice(0, maxChars - 1)}…` : text;
  return bounded.replaceAll('\0', '').toWellFormed();
}
