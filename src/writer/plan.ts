/**
 * What a set of results means for the store, worked out before anything is written. Pure: takes the directory
 * as it is and answers what to write; the writer puts the new entries into the directory after the commit.
 */
import type { Result, Severity, Verdict } from '../contract/result.js';
import type { Directory, Entry } from './directory.js';
import { byHour, observedFrom, observedMs } from './observed.js';
import { type Effect, type Made, transition } from './transition.js';

export type Counts = Record<Verdict, number>;

export interface NewAlert {
  readonly service: string;
  readonly severity: Severity;
  readonly code: string | null;
  readonly message: string;
  readonly createdAt: number;
}

export interface Notice {
  readonly kind: 'outage' | 'recovery';
  readonly service: string;
  readonly severity: Severity;
  readonly message: string;
  readonly at: number;
  readonly outageSince: number;
}

/** What results add to an hour of a service. */
export interface Hour {
  readonly serviceId: number;
  readonly hourMs: number;
  readonly counts: Counts;
  /** The time of this hour that they speak for, which may have been due in an earlier one. */
  observedMs: number;
}

export interface Plan {
  /** Entries whose state moved, in their new form. */
  readonly moved: ReadonlyMap<string, Entry>;
  readonly alerts: readonly NewAlert[];
  /** Every beginning and end of an outage, in order. A second outage is told of, also if the first one's alert waits. */
  readonly notices: readonly Notice[];
  /** Keyed `serviceId:hourMs`. */
  readonly uptime: ReadonlyMap<string, Hour>;
  /** Keyed by the start of the cycle, epoch ms. */
  readonly cycles: ReadonlyMap<number, { counts: Counts; endMs: number }>;
}

const HOUR_MS = 3_600_000;
const noCounts = (): Counts => ({ pass: 0, warn: 0, fail: 0, unknown: 0 });

/** `results` are new ones only, in the order in which they were made; each names a service in the directory. */
export function plan(
  directory: Directory,
  results: readonly Made[],
  options: { readonly cycleMs: number; readonly nowMs: number },
): Plan {
  const { cycleMs, nowMs } = options;
  const moved = new Map<string, Entry>();
  const alerts: NewAlert[] = [];
  const notices: Notice[] = [];
  const uptime = new Map<string, Hour>();
  const cycles: Map<number, { counts: Counts; endMs: number }> = new Map();

  for (const result of results) {
    const entry = moved.get(result.service) ?? directory.get(result.service);
    if (entry === undefined) continue;
    const { state, effect } = transition(entry.state, result, nowMs);
    if (state !== entry.state) moved.set(result.service, { ...entry, state });
    if (effect.kind === 'outage') {
      alerts.push({
        service: result.service,
        severity: effect.severity,
        code: result.code ?? null,
        message: result.detail,
        createdAt: result.startedAt,
      });
    }
    if (effect.kind !== 'none') notices.push(noticeOf(result, effect));
    addToHours(uptime, entry, result);
    const ts = Math.floor(result.dueAt / cycleMs) * cycleMs;
    const cycle = cycles.get(ts) ?? { counts: noCounts(), endMs: 0 };
    cycle.counts[result.verdict] += 1;
    cycle.endMs = Math.max(cycle.endMs, result.startedAt + result.durationMs);
    cycles.set(ts, cycle);
  }
  return { moved, alerts, notices, uptime, cycles };
}

function addToHours(uptime: Map<string, Hour>, { id: serviceId, intervalMs }: Entry, result: Result): void {
  const hour = (hourMs: number): Hour => {
    const key = `${serviceId}:${hourMs}`;
    const known = uptime.get(key) ?? { serviceId, hourMs, counts: noCounts(), observedMs: 0 };
    uptime.set(key, known);
    return known;
  };
  hour(Math.floor(result.dueAt / HOUR_MS) * HOUR_MS).counts[result.verdict] += 1;
  for (const part of byHour(observedFrom(result), observedMs(result, intervalMs) ?? 0)) {
    hour(part.hourMs).observedMs += part.ms;
  }
}

function noticeOf(result: Result, effect: Exclude<Effect, { kind: 'none' }>): Notice {
  const begins = effect.kind === 'outage';
  return {
    kind: effect.kind,
    service: result.service,
    severity: begins ? effect.severity : 'info',
    message: result.detail,
    at: result.startedAt,
    outageSince: begins ? result.startedAt : effect.outageSince,
  };
}
