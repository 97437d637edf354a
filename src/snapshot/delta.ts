/** What a client that knows one snapshot must hear to know the next. Pure. */
import type { Changes } from '../../schema/messages.js';
import type { Alert, Check } from '../../schema/wire.js';
import { type DeltaMessage, overallOf } from './client.js';
import type { Snapshot } from './reduce.js';

export type DeltaBody = Pick<DeltaMessage, 'checks' | 'removed' | 'alerts' | 'cycle' | 'overall'>;

/**
 * The difference between two snapshots, looking only at the services that `changes` touched.
 * @returns null when a client would see nothing new.
 */
export function deltaOf(before: Snapshot, after: Snapshot, changes: readonly Changes[]): DeltaBody | null {
  const touched = new Set<string>();
  const told: Alert[] = [];
  for (const change of changes) {
    for (const name of change.removed) touched.add(name);
    for (const check of change.checks) touched.add(check.service);
    told.push(...change.alerts);
  }
  return assemble(before, after, touched, told);
}

/** The difference between any two snapshots, found by comparing all of both: after a reload from the store. */
export function deltaBetween(before: Snapshot, after: Snapshot): DeltaBody | null {
  return assemble(before, after, new Set([...before.checks.keys(), ...after.checks.keys()]), []);
}

function assemble(
  before: Snapshot,
  after: Snapshot,
  touched: ReadonlySet<string>,
  told: readonly Alert[],
): DeltaBody | null {
  const checks: Check[] = [];
  const removed: string[] = [];
  for (const name of touched) {
    const check = after.checks.get(name);
    if (check === undefined) {
      if (before.checks.has(name)) removed.push(name);
    } else if (check !== before.checks.get(name)) checks.push(check);
  }
  const alerts = alertsBetween(before.alerts, after.alerts, told);
  const cycle = after.cycle === before.cycle ? null : after.cycle;
  if (checks.length + removed.length + alerts.length === 0 && cycle === null) return null;
  return { checks, removed, alerts, cycle, overall: overallOf(after.checks.values()) };
}

/** Compares the lists rather than trusting the changes: the list is bounded, so alerts also leave unannounced. */
function alertsBetween(
  before: readonly Alert[],
  after: readonly Alert[],
  told: readonly Alert[],
): readonly Alert[] {
  if (before === after) return [];
  const was = new Map(before.map((alert) => [alert.id, alert]));
  const open = new Set(after.map((alert) => alert.id));
  const acked = new Map(told.filter((alert) => alert.acked_at !== null).map((alert) => [alert.id, alert]));
  const closed = before
    .filter((alert) => !open.has(alert.id))
    .map((alert) => acked.get(alert.id) ?? { ...alert, acked_at: alert.created_at });
  return [...closed, ...after.filter((alert) => was.get(alert.id) !== alert)];
}
