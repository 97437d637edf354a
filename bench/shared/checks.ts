/** Checks as a fleet of services shows them, and the commits that change them. */
import type { Changes } from '../../schema/messages.js';
import type { Check, Cycle } from '../../schema/wire.js';
import { serviceName } from './results.js';

export function checkOf(index: number, more: Partial<Check> = {}): Check {
  const responseMs = 5 + ((index * 7919) % 4000) / 100;
  return {
    service: serviceName(index),
    family: 'http',
    status: 'pass',
    code: null,
    detail: `status 200 in ${Math.round(responseMs)} ms`,
    since: '2026-01-02T03:04:05.000Z',
    checked_at: '2026-01-02T03:04:05.000Z',
    duration_ms: responseMs,
    interval_s: 30,
    measurements: [{ name: 'response_time', value: responseMs, unit: 'ms' }],
    facts: { http_status: 200 },
    stored: true,
    ...more,
  };
}

export const CYCLE: Cycle = {
  id: 1,
  ts: '2026-01-02T03:04:00.000Z',
  duration_ms: 40,
  overall: 'pass',
  closed: true,
  counts: { pass: 1, warn: 0, fail: 0, unknown: 0 },
};

/** Milliseconds that processes of one machine agree on, with fractions. */
export const stamp = (): number => performance.timeOrigin + performance.now();

/** How a commit's time is written into a delta, so that a listener can tell how old it is. */
export const STAMP_PATTERN = /committed at (\d+\.\d+)/g;
export const stampText = (): string => `committed at ${stamp().toFixed(3)}`;

/** One commit that changes `count` checks, taken in turn from `services`, of which `from` is the first. */
export function commitOf(rev: number, from: number, count: number, services: number): Changes {
  const detail = stampText();
  const checked_at = new Date().toISOString();
  const checks = Array.from({ length: count }, (_, index) =>
    checkOf((from + index) % services, { detail, checked_at }),
  );
  return { rev, checks, removed: [], alerts: [], cycle: null };
}
