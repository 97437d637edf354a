/**
 * Every bound of Matrix, by name. What can grow has an entry here, the code takes its number from here, a test
 * drives it to its limit and beyond, and people see it with its present use: `matrix limits`, `GET /limits`, the
 * metrics `matrix_limit` and `matrix_limit_used`, and `ops/limits.md`.
 */
import { COLLECT_LIMITS } from './limits/collect.js';
import { FRONT_LIMITS, LIVE_LIMITS } from './limits/front.js';
import { PROBE_LIMITS } from './limits/probes.js';
import { PROCESS_LIMITS } from './limits/process.js';
import { STORE_LIMITS } from './limits/store.js';

export { amount, type Limit } from './limits/limit.js';

/** The areas in the order in which they are shown. */
export const LIMIT_AREAS = {
  'What is watched': COLLECT_LIMITS,
  Probes: PROBE_LIMITS,
  'Queue and store': STORE_LIMITS,
  Front: FRONT_LIMITS,
  WebSocket: LIVE_LIMITS,
  'Log, config, command line': PROCESS_LIMITS,
} as const;

export const LIMITS = {
  ...COLLECT_LIMITS,
  ...PROBE_LIMITS,
  ...STORE_LIMITS,
  ...FRONT_LIMITS,
  ...LIVE_LIMITS,
  ...PROCESS_LIMITS,
} as const;

export type LimitName = keyof typeof LIMITS;
