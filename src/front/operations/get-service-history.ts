import { Type } from 'typebox';
import { HistoryRowSchema } from '../../../schema/wire.js';
import { MatrixError } from '../../contract/errors.js';
import { operation } from './operation.js';
import { took } from './words.js';

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
    history: Type.Array(HistoryRowSchema),
  }),
  rest: { method: 'GET', path: '/services/{service}/history' },
  mcp: {},
  cli: {
    command: 'history',
    positionals: ['service'],
    view: ({ service, hours, history }) =>
      history.length === 0
        ? { lines: [`${service} has no result in the last ${hours} h`] }
        : {
            columns: ['WHEN', 'STATUS', 'TOOK', 'CODE', 'DETAIL'],
            rows: history.map((row) => [
              row.ts,
              row.status,
              took(row.duration_ms),
              row.code ?? '-',
              row.detail,
            ]),
          },
  },
  async handler({ service, hours }, { store }) {
    const history = await store.serviceHistory({ service, hours, limit: NEWEST_ROWS });
    if (history === null) throw new MatrixError('MX_NOT_FOUND', `There is no service named "${service}"`);
    return { service, hours, history: [...history] };
  },
});
