import { Type } from 'typebox';
import { type Check, type Cycle, type Status, StatusSchema } from '../../../schema/wire.js';
import { operation } from './operation.js';
import { ago, took } from './words.js';

export const NO_RESULTS = 'no check results yet' as const;

/** The answer before the first cycle: a sentence in the place of the report. */
export const NoResultsSchema = Type.Object({ message: Type.Literal(NO_RESULTS) });

const WORDS = { pass: 'Everything watched is working.', fail: 'Something is failing.' } as const;

/** What stands above the table. A cycle counts only what has answered in it so far, so services are counted here. */
function headline({ overall, cycle, checks }: Status): readonly string[] {
  const count = (status: Check['status']): string =>
    `${checks.filter((check) => check.status === status).length} ${status}`;
  const waiting = checks.filter(({ stored }) => !stored).length;
  const services = checks.length === 1 ? '1 service' : `${checks.length} services`;
  return [
    WORDS[overall],
    `${services}: ${count('pass')}, ${count('warn')}, ${count('fail')}, ${count('unknown')}`,
    ...(cycle === null ? [] : [cycleInWords(cycle)]),
    ...(waiting === 0 ? [] : [unstored(waiting)]),
  ];
}

function cycleInWords({ id, ts, closed }: Cycle): string {
  return `Cycle ${id} began ${ago(ts)}${closed ? '' : ' and still runs'}`;
}

function unstored(count: number): string {
  const results = count === 1 ? '1 result is' : `${count} results are`;
  return `${results} not stored yet: the database is away`;
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
        lines: headline(output),
        columns: ['STATUS', 'SERVICE', 'FAMILY', 'SINCE', 'CHECKED', 'TOOK', 'DETAIL'],
        rows: output.checks.map((check) => [
          check.status,
          check.service,
          check.family,
          ago(check.since),
          ago(check.checked_at),
          took(check.duration_ms),
          check.stored ? check.detail : `${check.detail} (not stored yet)`,
        ]),
        failed: output.overall === 'fail',
      };
    },
  },
  text: (output) => ('message' in output ? output.message : undefined),
  ready: (context) => context.statusBytes(),
  handler: (_input, context) => context.status() ?? { message: NO_RESULTS },
});
