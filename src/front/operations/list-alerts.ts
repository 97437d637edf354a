import { Type } from 'typebox';
import { AlertSchema } from '../../../schema/wire.js';
import { operation } from './operation.js';
import { ago } from './words.js';

export const listAlerts = operation({
  name: 'list_alerts',
  title: 'Alerts',
  summary: 'The newest alerts, only unacknowledged ones unless asked for all.',
  scope: 'viewer',
  mutates: false,
  input: Type.Object(
    {
      include_acked: Type.Boolean({ default: false, description: 'acknowledged alerts too' }),
      limit: Type.Integer({ minimum: 1, maximum: 1000, default: 50, description: 'most alerts to answer' }),
    },
    { additionalProperties: false },
  ),
  output: Type.Object({ alerts: Type.Array(AlertSchema) }),
  rest: { method: 'GET', path: '/alerts', defaults: { limit: 20 } },
  mcp: { hide: ['limit'] },
  cli: {
    command: 'alerts',
    view: ({ alerts }) =>
      alerts.length === 0
        ? { lines: ['No alerts.'] }
        : {
            columns: ['RAISED', 'SEVERITY', 'SERVICE', 'ID', 'ACKNOWLEDGED', 'MESSAGE'],
            rows: alerts.map((alert) => [
              ago(alert.created_at),
              alert.severity,
              alert.service,
              alert.id,
              alert.acked_at === null ? 'no' : `${ago(alert.acked_at)} by ${alert.acked_by}`,
              alert.message,
            ]),
          },
  },
  async handler({ include_acked, limit }, { store }) {
    return { alerts: [...(await store.listAlerts({ includeAcked: include_acked, limit }))] };
  },
});
