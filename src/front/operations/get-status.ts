import { Type } from 'typebox';
import { type Cycle, StatusSchema } from '../../../schema/wire.js';
import { operation } from './operation.js';
import { ago, took } from './words.js';

export const NO_RESULTS = 'no check results yet' as const;

/** The answer before the first cycle: a sentence in the place of the report. */
export const NoResultsSchema = Type.Object({ message: Type.Literal(NO_RESULTS) });

const WORDS = { pass: 'Everything watched is working.', fail: 'Something is failing.' } as const;

function cycleInWords(cycle: Cycle | null): string {
  if (cycle === null) return 'The database is away: these results are live and not stored yet';
  const { pass, warn, fail, unknown } = cycle.counts;
  return `Cycle ${cycle.id}, ${ago(cycle.ts)}: ${pass} pass, ${warn} warn, ${fail} fail, ${unknown} unknown`;
}

export const getStatus = operation({
  name: 'get_status',
  title: 'Current status',
  summary: 'The newest cycle with the state of every service that Matrix watches.',
  scope: 'viewer',
  mutates: false,
  input: Type.Object({}, { additionalProperties: false }),
  output: Type.Union([StatusSchema, NoResultsSchema]),
  rest: { method: 'GET', path: '/status' },
  mcp: {},
  cli: {
    command: 'status',
    view(output) {
      if ('message' in output) return { lines: [output.message] };
      return {
        lines: [WORDS[output.overall], cycleInWords(output.cycle)],
        columns: ['STATUS', 'SERVICE', 'FAMILY', 'SINCE', 'CHECKED', 'TOOK', 'DETAIL'],
        rows: output.checks.map((check) => [
          check.status,
          check.service,
          check.family,
          ago(check.since),
          ago(check.checked_at),
          took(check.duration_ms),
          check.detail,
        ]),
        failed: output.overall === 'fail',
      };
    },
  },
  text: (output) => ('message' in output ? output.message : undefined),
  ready: (context) => context.statusBytes(),
  handler: (_input, context) => context.status() ?? { message: NO_RESULTS },
});
