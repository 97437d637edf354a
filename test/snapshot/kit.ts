/** Arbitrary changes of a small world, for the properties of the delta protocol. */
import fc from 'fast-check';
import type { Changes } from '../../schema/messages.js';
import type { Alert, Check } from '../../schema/wire.js';
import { alert, check, cycle } from '../front/support.js';

export const minute = (n: number): string => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();

const anyCheck: fc.Arbitrary<Check> = fc
  .record({
    service: fc.constantFrom('a', 'b', 'c', 'd'),
    status: fc.constantFrom('pass', 'warn', 'fail', 'unknown'),
    at: fc.integer({ min: 0, max: 20 }),
    stored: fc.boolean(),
  })
  .map(({ service, status, at, stored }) => check(service, { status, checked_at: minute(at), stored }));

const ids = ['1', '2', '3', '4', '5'].map((digit) => `00000000-0000-4000-8000-00000000000${digit}`);
const anyAlert: fc.Arbitrary<Alert> = fc
  .record({ id: fc.constantFrom(...ids), acked: fc.boolean(), at: fc.integer({ min: 0, max: 3 }) })
  .map(({ id, acked, at }) =>
    alert('a', { id, created_at: minute(at), acked_at: acked ? minute(30) : null }),
  );

export const anyChanges: fc.Arbitrary<Changes> = fc
  .record({
    rev: fc.integer({ min: 0, max: 12 }),
    checks: fc.array(anyCheck, { maxLength: 4 }),
    removed: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 2 }),
    alerts: fc.array(anyAlert, { maxLength: 3 }),
    cycleId: fc.option(fc.integer({ min: 1, max: 9 })),
  })
  .map(({ cycleId, ...rest }) => ({ ...rest, cycle: cycleId === null ? null : cycle(cycleId) }));
