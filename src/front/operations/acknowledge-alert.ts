import { Type } from 'typebox';
import { AlertSchema } from '../../../schema/wire.js';
import { MatrixError } from '../../contract/errors.js';
import { operation } from './operation.js';

export const acknowledgeAlert = operation({
  name: 'acknowledge_alert',
  title: 'Acknowledge an alert',
  summary:
    'Marks an alert as seen. An alert that is acknowledged already stays as it is, and the answer says so.',
  scope: 'member',
  mutates: true,
  input: Type.Object(
    {
      alert_id: Type.String({ format: 'uuid', description: 'id of the alert' }),
      acked_by: Type.String({
        minLength: 1,
        maxLength: 200,
        default: 'operator',
        description: 'who acknowledges it',
      }),
    },
    { additionalProperties: false },
  ),
  output: Type.Object({ message: Type.String(), already: Type.Boolean(), alert: AlertSchema }),
  rest: { method: 'POST', path: '/alerts/{alert_id}/ack' },
  mcp: {},
  cli: { command: 'ack', positionals: ['alert_id'], view: ({ message }) => ({ lines: [message] }) },
  async handler({ alert_id, acked_by }, { store, announce }) {
    const done = await store.acknowledgeAlert({ alertId: alert_id, ackedBy: acked_by });
    if (done === null) throw new MatrixError('MX_NOT_FOUND', `There is no alert with the id ${alert_id}`);
    if (done.changes !== null) announce(done.changes);
    const { alert, already } = done;
    const stamp = `by ${alert.acked_by} at ${alert.acked_at}`;
    const message = already
      ? `Alert of ${alert.service} was already acknowledged ${stamp}; nothing changed`
      : `Alert of ${alert.service} acknowledged ${stamp}`;
    return { message, already, alert };
  },
});
