import { Type } from 'typebox';
import { UptimeRowSchema } from '../../../schema/wire.js';
import { operation } from './operation.js';
import { span } from './words.js';

export const getUptimeReport = operation({
  name: 'get_uptime_report',
  title: 'Uptime report',
  summary:
    'Per service: checks passed, checks judged, the uptime in percent and the time not observed, over the given days.',
  scope: 'viewer',
  mutates: false,
  input: Type.Object(
    {
      days: Type.Integer({ minimum: 1, maximum: 3650, default: 7, description: 'how far back, in days' }),
    },
    { additionalProperties: false },
  ),
  output: Type.Object({ days: Type.Number(), services: Type.Array(UptimeRowSchema) }),
  rest: { method: 'GET', path: '/uptime' },
  mcp: {},
  cli: {
    command: 'uptime',
    view: ({ days, services }) =>
      services.length === 0
        ? { lines: [`Nothing was judged in the last ${days} days.`] }
        : {
            columns: ['SERVICE', 'UPTIME', 'PASSES', 'WARNS', 'FAILS', 'TOTAL', 'NOT OBSERVED'],
            rows: services.map((row) => [
              row.service,
              row.uptime_percent === null ? '-' : `${row.uptime_percent.toFixed(2)} %`,
              String(row.passes),
              String(row.warns),
              String(row.fails),
              String(row.total),
              row.not_observed_s ? span(row.not_observed_s) : '-',
            ]),
          },
  },
  async handler({ days }, { store }) {
    return { days, services: [...(await store.uptimeReport({ days }))] };
  },
});
