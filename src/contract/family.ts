import type { TObject } from 'typebox';
import type { Clock } from './clock.js';
import type { Finding } from './result.js';

/** What every target has, whatever its family. Config files write these in snake_case with units. */
export interface TargetCommon {
  /** Unique name of the service, as shown everywhere. */
  readonly name: string;
  /** Seconds between checks; default `MATRIX_CHECK_INTERVAL`. */
  readonly interval_s?: number;
  /** Seconds until a check is cut off; default 5. */
  readonly timeout_s?: number;
  /** Whether the check crosses the uplink; default: what the family's `overUplink` says. */
  readonly via?: 'uplink' | 'local';
}

/** Pure data of a family: `workers/<family>/spec.ts` exports it as `spec`. It loads no driver. */
export interface FamilySpec<T extends TargetCommon = TargetCommon> {
  /** Equals the folder's name and the config section. */
  readonly name: string;
  readonly title: string;
  /** TypeBox schema of the fields beyond `TargetCommon`; its defaults are applied before `probe` sees a target. */
  readonly schema: TObject;
  /** Closed list of codes with their meaning, documented and tested against the docs. */
  readonly codes: Readonly<Record<string, string>>;
  /** Threads for this family; default 1. */
  readonly threads?: number;
  /** Most checks of this family in flight in one thread; default `LIMITS.checks_per_thread`. */
  readonly concurrency?: number;
  /** The family whose findings carry the `attribution` of the uplink: at most one of them has targets. */
  readonly judgesUplink?: boolean;
  /** Default `timeout_s` where the family needs another than 5. */
  readonly timeoutS?: number;
  /** Whether checking this target crosses the uplink. Pure; default: never. */
  overUplink?(target: T): boolean;
  /** A problem that a schema cannot express, as a sentence naming the field; undefined when fine. Pure. */
  check?(target: T): string | undefined;
}

/** The few logging calls that a probe may make. */
export interface ProbeLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface ProbeContext {
  /** Aborts at the deadline or when the thread drains. Pass it to every driver call. */
  readonly signal: AbortSignal;
  /** Milliseconds this check may take. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly log: ProbeLog;
}

/**
 * `workers/<family>/probe.ts` exports `probe`. It never throws for "down" (a throw is a `probe_error`), never
 * retries inside, and honours `signal`.
 */
export type Probe<T extends TargetCommon = TargetCommon> = (
  target: T,
  context: ProbeContext,
) => Promise<readonly Finding[]>;
