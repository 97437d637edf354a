/**
 * What crosses a process, thread or queue boundary inside Matrix. Internal, so camelCase and epoch ms.
 */
import { type Static, Type } from 'typebox';
import type { ErrorCode } from '../src/contract/errors.js';
import type { NodeState } from '../src/contract/tree.js';
import type { Alert, Check, Cycle } from './wire.js';

/**
 * A job on the `matrix-results` queue: results in the order in which the checks ended, and cycles that closed.
 * All results of one probe call stay together: a call that says how its target is, says with it everything that
 * the target has.
 */
export const BatchSchema = Type.Object(
  {
    v: Type.Literal(1),
    /** Identifies the batch, also through the spool. */
    id: Type.String(),
    /** Node that collected it. */
    node: Type.String(),
    results: Type.Array(
      Type.Object(
        {
          service: Type.String({ minLength: 1 }),
          family: Type.String({ minLength: 1 }),
          target: Type.String({ minLength: 1 }),
          dueAt: Type.Number(),
          startedAt: Type.Number(),
          durationMs: Type.Number({ minimum: 0 }),
          verdict: Type.Union([
            Type.Literal('pass'),
            Type.Literal('warn'),
            Type.Literal('fail'),
            Type.Literal('unknown'),
          ]),
          detail: Type.String(),
        },
        { additionalProperties: true },
      ),
    ),
    cycles: Type.Array(
      Type.Object({
        ts: Type.Number(),
        intervalMs: Type.Number(),
        expected: Type.Integer(),
        skipped: Type.Integer(),
      }),
    ),
    /** The collector's whole list of configured targets; services from an older list are retired. */
    declare: Type.Optional(
      Type.Array(
        Type.Object({
          name: Type.String({ minLength: 1 }),
          family: Type.String({ minLength: 1 }),
          intervalMs: Type.Integer({ minimum: 1 }),
          config: Type.Record(Type.String(), Type.Unknown()),
        }),
      ),
    ),
  },
  { additionalProperties: false },
);
export type Batch = Static<typeof BatchSchema>;

/** What one commit changed, announced after it. `rev` grows by one with each commit that changes something. */
export interface Changes {
  readonly rev: number;
  readonly checks: readonly Check[];
  /** Names of services that no longer exist. */
  readonly removed: readonly string[];
  /** New or acknowledged alerts. */
  readonly alerts: readonly Alert[];
  readonly cycle: Cycle | null;
}

/** One sample of a metric that another thread or process measured; the front renders all of them. */
export interface MetricSample {
  /** Prometheus name with its unit (`_seconds`, `_bytes`, `_total`). */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Last known state of something that Matrix needs; `null` means connected, a string says what is wrong. */
export type Dependencies = Readonly<Record<string, string | null>>;

/** How results fare that the database has not taken yet. */
export interface ResultsReport {
  /** Since when it takes none, ISO 8601; null while it does. */
  readonly since: string | null;
  readonly inMemory: number;
  readonly onSpool: number;
  readonly spoolBytes: number;
  readonly spoolMaxBytes: number;
  /** Lost since Matrix started, because there was no more room. */
  readonly dropped: number;
}

/** What the front's process needs to know; sent once as its first message. */
export interface FrontInit {
  readonly version: string;
  readonly node: string;
  readonly customerId: string;
  readonly deployColor: string | null;
  readonly host: string;
  readonly port: number;
  /** Whether several fronts share the port; otherwise the port is taken exclusively. */
  readonly sharePort: boolean;
  readonly allowedHosts: readonly string[];
  readonly anonymousRead: boolean;
  readonly jwtSecret: string;
  readonly checkIntervalS: number;
  /** How the front writes its own log lines; default: info, as JSON. */
  readonly log?: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly format: 'json' | 'pretty' };
}

/**
 * What became of an operator's wish to restart a child. `restarted`: it was replaced; `started`: it waited for its next
 * try and does not any longer; `restarting`: it is being replaced, which takes longer than anybody waits for, or is the
 * one that asks; `under_way`: it was starting or being replaced already. Refused: `not_wanted`, it is not meant to run
 * now; `unknown`, there is none of that id that can be restarted.
 */
export type RestartOutcome = 'restarted' | 'started' | 'restarting' | 'under_way' | 'not_wanted' | 'unknown';

/** Main → front. `database` comes whenever the database becomes reachable at a (new) URL. */
export type ToFront =
  | { readonly kind: 'init'; readonly init: FrontInit }
  | { readonly kind: 'database'; readonly url: string }
  | { readonly kind: 'changes'; readonly changes: Changes }
  | { readonly kind: 'tree'; readonly tree: NodeState }
  | { readonly kind: 'metrics'; readonly samples: readonly MetricSample[] }
  | {
      readonly kind: 'dependencies';
      readonly dependencies: Dependencies;
      readonly results?: ResultsReport;
    }
  | { readonly kind: 'child_restarted'; readonly request: string; readonly outcome: RestartOutcome }
  | { readonly kind: 'drain' };

/** Front → main. A `restart_child` is answered by a `child_restarted` of the same request. */
export type FromFront =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'fatal'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'targets_changed' }
  | { readonly kind: 'restart_child'; readonly request: string; readonly child: string };
