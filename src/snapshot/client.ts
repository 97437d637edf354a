/**
 * What a client of the WebSocket does with its messages. Used by the page, by tests and by the server's own
 * reducer, so the three cannot disagree. Pure, and without imports at run time: the browser loads this file.
 */
import type { Alert, Check, Cycle } from '../../schema/wire.js';
import type { NodeState } from '../contract/tree.js';

/** Where the WebSocket is, below the server's address. */
export const LIVE_PATH = '/matrix/ws';

/** Most unacknowledged alerts that a snapshot carries; the newest are kept. */
export const MAX_LIVE_ALERTS = 1000;

/** The status as the WebSocket says it: unlike REST it may come before the first cycle. */
export interface LiveStatus {
  readonly customer_id: string;
  readonly deploy_color: string | null;
  readonly generated_at: string;
  readonly cycle: Cycle | null;
  readonly overall: 'pass' | 'fail';
  readonly checks: readonly Check[];
}

export interface SnapshotMessage {
  readonly type: 'snapshot';
  /** Changes when the server restarts: numbers of another epoch mean nothing. */
  readonly epoch: string;
  readonly seq: number;
  /** Messages this snapshot is made of, this one included; the rest are `snapshot_part`. */
  readonly parts: number;
  readonly status: LiveStatus;
  readonly alerts: readonly Alert[];
}
export interface PartMessage {
  readonly type: 'snapshot_part';
  readonly epoch: string;
  readonly seq: number;
  /** 2 … parts. */
  readonly part: number;
  readonly checks: readonly Check[];
}
export interface DeltaMessage {
  readonly type: 'delta';
  readonly epoch: string;
  readonly seq: number;
  readonly generated_at: string;
  readonly checks: readonly Check[];
  readonly removed: readonly string[];
  /** New, changed or acknowledged alerts. */
  readonly alerts: readonly Alert[];
  /** null: unchanged. */
  readonly cycle: Cycle | null;
  readonly overall: 'pass' | 'fail';
}
/** Says every few seconds which number is the newest, so that a lost last delta is noticed too. */
export interface BeatMessage {
  readonly type: 'beat';
  readonly epoch: string;
  readonly seq: number;
  /** The server's clock now, by which a client reckons ages whatever its own clock says. */
  readonly at: string;
}
/** The process tree, for subscribers of `supervisor`. It has no number: each one replaces the one before. */
export interface TreeMessage {
  readonly type: 'tree';
  /** When the supervisor reported it, by the server's clock. */
  readonly at: string;
  /** How long ago that was when this was sent, in ms: to show an age, no two clocks need to agree. */
  readonly age_ms: number;
  readonly tree: NodeState;
}
export interface ErrorMessage {
  readonly type: 'error';
  readonly error: { readonly code: string; readonly message: string; readonly next: string };
}
export type LiveMessage =
  | SnapshotMessage
  | PartMessage
  | DeltaMessage
  | BeatMessage
  | TreeMessage
  | ErrorMessage;

/** `live`: snapshot, deltas and beats, to which every client begins subscribed. `supervisor`: the process tree. */
export const TOPICS = ['live', 'supervisor'] as const;
export type Topic = (typeof TOPICS)[number];

/** What a client may say. `resync` is `subscribe` to `live`, also for whoever is subscribed already. */
export type ClientMessage =
  | { readonly type: 'resync' }
  | { readonly type: 'subscribe' | 'unsubscribe'; readonly topic: Topic };

export interface ClientState {
  readonly epoch: string;
  readonly seq: number;
  /** Parts of the snapshot still to come; the state is whole at 0. */
  readonly missingParts: number;
  /** Numbers of the parts that came, so that one that comes twice does not stand for another. */
  readonly parts: ReadonlySet<number>;
  readonly status: LiveStatus;
  readonly checks: ReadonlyMap<string, Check>;
  /** Unacknowledged, newest first. */
  readonly alerts: readonly Alert[];
}

/** What to do after a message: `ok`, or ask the server with `{"type":"resync"}`. */
export interface Step {
  readonly state: ClientState | null;
  readonly resync: boolean;
}

/**
 * Takes one message in. What is known already is ignored; a gap asks for a resync and keeps the old state. A kind of
 * message that this client does not know, because the server is newer or it is not about the status, changes nothing.
 */
export function receive(state: ClientState | null, message: LiveMessage): Step {
  switch (message.type) {
    case 'snapshot':
      return { state: isOlder(message, state) ? state : fromSnapshot(message), resync: false };
    case 'snapshot_part':
    case 'delta':
    case 'beat':
      return state === null || message.epoch !== state.epoch ? { state, resync: true } : next(state, message);
    default:
      return { state, resync: false };
  }
}

/** A message of the epoch that is known. */
function next(state: ClientState, message: PartMessage | DeltaMessage | BeatMessage): Step {
  if (message.type === 'snapshot_part') return fromPart(state, message);
  if (state.missingParts > 0) return { state, resync: true };
  if (message.type === 'beat') return { state, resync: message.seq > state.seq };
  if (message.seq <= state.seq) return { state, resync: false };
  if (message.seq !== state.seq + 1) return { state, resync: true };
  return { state: applyDelta(state, message), resync: false };
}

/** `fail` when any service fails, else `pass`. */
export function overallOf(checks: Iterable<Check>): 'pass' | 'fail' {
  for (const check of checks) if (check.status === 'fail') return 'fail';
  return 'pass';
}

/** Unacknowledged alerts after some changed: newest first, bounded. The same array when nothing changed. */
export function mergeAlerts(alerts: readonly Alert[], changed: readonly Alert[]): readonly Alert[] {
  if (changed.length === 0) return alerts;
  const byId = new Map(alerts.map((alert) => [alert.id, alert]));
  for (const alert of changed) {
    if (alert.acked_at === null) byId.set(alert.id, alert);
    else byId.delete(alert.id);
  }
  return [...byId.values()].sort(newestFirst).slice(0, MAX_LIVE_ALERTS);
}

function newestFirst(a: Alert, b: Alert): number {
  const byTime = Date.parse(b.created_at) - Date.parse(a.created_at);
  if (byTime !== 0) return byTime;
  return a.id < b.id ? -1 : 1;
}

/** Within an epoch time only goes forward: a snapshot that was overtaken brings nothing back. */
function isOlder(message: SnapshotMessage, state: ClientState | null): boolean {
  return state !== null && message.epoch === state.epoch && message.seq < state.seq;
}

function fromSnapshot(message: SnapshotMessage): ClientState {
  return {
    epoch: message.epoch,
    seq: message.seq,
    missingParts: message.parts - 1,
    parts: new Set([1]),
    status: message.status,
    checks: new Map(message.status.checks.map((check) => [check.service, check])),
    alerts: message.alerts,
  };
}

function fromPart(state: ClientState, message: PartMessage): Step {
  const isAwaited = state.missingParts > 0 && message.seq === state.seq;
  if (!isAwaited) return { state, resync: state.missingParts > 0 };
  if (state.parts.has(message.part)) return { state, resync: false };
  const checks = new Map(state.checks);
  for (const check of message.checks) checks.set(check.service, check);
  const parts = new Set([...state.parts, message.part]);
  return { state: { ...state, missingParts: state.missingParts - 1, parts, checks }, resync: false };
}

function applyDelta(state: ClientState, delta: DeltaMessage): ClientState {
  const checks = new Map(state.checks);
  for (const name of delta.removed) checks.delete(name);
  for (const check of delta.checks) checks.set(check.service, check);
  return {
    ...state,
    seq: delta.seq,
    status: {
      ...state.status,
      generated_at: delta.generated_at,
      cycle: delta.cycle ?? state.status.cycle,
      overall: delta.overall,
    },
    checks,
    alerts: mergeAlerts(state.alerts, delta.alerts),
  };
}
