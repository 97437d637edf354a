/** The newest truth as one immutable value, and how a commit changes it. Pure. */
import type { Changes } from '../../schema/messages.js';
import type { Alert, Check, Cycle } from '../../schema/wire.js';
import { mergeAlerts } from './client.js';

export interface Snapshot {
  /** Revision of the newest commit that is in here. */
  readonly rev: number;
  readonly checks: ReadonlyMap<string, Check>;
  /** Unacknowledged, newest first. */
  readonly alerts: readonly Alert[];
  readonly cycle: Cycle | null;
}

export const EMPTY_SNAPSHOT: Snapshot = { rev: -1, checks: new Map(), alerts: [], cycle: null };

/** A snapshot as the store loads it. */
export interface LoadedSnapshot {
  readonly rev: number;
  readonly checks: readonly Check[];
  readonly alerts: readonly Alert[];
  readonly cycle: Cycle | null;
}

/**
 * Applies changes in order, copying the snapshot once however many they are. Changes at or below its revision
 * are already in it and are ignored; results that wait for the database have no revision and always apply.
 */
export function reduceAll(snapshot: Snapshot, changes: readonly Changes[]): Snapshot {
  const fresh = changes.filter((change) => isUnstored(change) || change.rev > snapshot.rev);
  if (fresh.length === 0) return snapshot;
  const checks = new Map(snapshot.checks);
  let { rev, alerts, cycle } = snapshot;
  for (const change of fresh) {
    const unstored = isUnstored(change);
    if (!unstored && change.rev <= rev) continue;
    for (const name of change.removed) checks.delete(name);
    for (const check of change.checks) putCheck(checks, check);
    alerts = mergeAlerts(alerts, change.alerts);
    cycle = change.cycle ?? cycle;
    if (!unstored) rev = change.rev;
  }
  return { rev, checks, alerts, cycle };
}

/** One change; see `reduceAll`. */
export function reduce(snapshot: Snapshot, changes: Changes): Snapshot {
  return reduceAll(snapshot, [changes]);
}

/** A snapshot from the store, keeping the results of `current` that the store has not got yet. */
export function rebase(current: Snapshot, loaded: LoadedSnapshot): Snapshot {
  if (loaded.rev < current.rev) return current;
  const checks = new Map(loaded.checks.map((check) => [check.service, check]));
  for (const check of current.checks.values()) if (!check.stored) putCheck(checks, check);
  return {
    rev: loaded.rev,
    checks,
    alerts: mergeAlerts([], loaded.alerts),
    cycle: loaded.cycle ?? current.cycle,
  };
}

/** Whether these are live results that no commit holds yet: they carry no revision of their own. */
export function isUnstored(changes: Changes): boolean {
  return changes.checks.length > 0 && changes.checks.every((check) => !check.stored);
}

/**
 * A replayed result must not hide a newer one that is shown but not stored yet; equal instants take the new
 * value, which is how a result turns from waiting into stored.
 */
function putCheck(checks: Map<string, Check>, check: Check): void {
  const current = checks.get(check.service);
  if (current !== undefined && current.stored !== check.stored && instant(current) > instant(check)) return;
  const isTold = check.stored || check.since !== null;
  checks.set(check.service, isTold ? check : { ...check, since: sinceOf(check, current) });
}

/** A result that is not stored does not know since when; what is shown does. */
function sinceOf(check: Check, current: Check | undefined): string | null {
  return current?.status === check.status ? current.since : check.checked_at;
}

function instant(check: Check): number {
  return check.checked_at === null ? 0 : Date.parse(check.checked_at);
}
