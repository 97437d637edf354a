import { Type } from 'typebox';
import { type HistoryRow, HistoryRowSchema } from '../../../schema/wire.js';
import { MatrixError } from '../../contract/errors.js';
import { operation } from './operation.js';
import { span, took } from './words.js';

const NEWEST_ROWS = 100;

export const getServiceHistory = operation({
  name: 'get_service_history',
  title: 'History of a service',
  summary: `Results of one service, newest first: at most the newest ${NEWEST_ROWS} within the given hours.`,
  scope: 'viewer',
  mutates: false,
  input: Type.Object(
    {
      service: Type.String({ minLength: 1, maxLength: 500, description: 'name of the service' }),
      hours: Type.Number({
        exclusiveMinimum: 0,
        maximum: 87_600,
        default: 24,
        description: 'how far back, in hours',
      }),
    },
    { additionalProperties: false },
  ),
  output: Type.Object({
    service: Type.String(),
    hours: Type.Number(),
    not_observed_s: Type.Union(
      [
        Type.Integer({
          description:
            'seconds since the newest result in which checks were due and none has told; 0 while they come',
        }),
        Type.Null(),
      ],
      { description: 'null: not known' },
    ),
    history: Type.Array(HistoryRowSchema),
  }),
  rest: { method: 'GET', path: '/services/{service}/history' },
  mcp: {},
  cli: {
    command: 'history',
    positionals: ['service'],
    view: ({ service, hours, history, not_observed_s }) => {
      if (history.length === 0) return { lines: [`${service} has no result in the last ${hours} h`] };
      const { ts } = history[0] as HistoryRow;
      return {
        lines: [
          ...(not_observed_s
            ? [`${notObserved(not_observed_s)} until now: the newest result is of ${ts}`]
            : []),
          ...(history.length < NEWEST_ROWS
            ? []
            : [`Only the newest ${NEWEST_ROWS} results of the last ${hours} h; there may be older ones`]),
        ],
        columns: ['WHEN', 'STATUS', 'TOOK', 'CODE', 'DETAIL'],
        rows: history.flatMap(rowsOf),
      };
    },
  },
  async handler({ service, hours }, { store }) {
    const found = await store.serviceHistory({ service, hours, limit: NEWEST_ROWS });
    if (found === null) throw new MatrixError('MX_NOT_FOUND', `There is no service named "${service}"`);
    return { service, hours, not_observed_s: found.not_observed_s, history: [...found.history] };
  },
});

const notObserved = (seconds: number): string => `not observed for ${span(seconds)}`;

/** A check, and below it the gap before it: the newest is on top. */
function rowsOf(row: HistoryRow): string[][] {
  const check = [row.ts, row.status, took(row.duration_ms), row.code ?? '-', row.detail];
  return row.not_observed_s ? [check, ['', '', '', '', notObserved(row.not_observed_s)]] : [check];
}
