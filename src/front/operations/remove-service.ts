import { Type } from 'typebox';
import { MatrixError } from '../../contract/errors.js';
import { operation } from './operation.js';

export const removeService = operation({
  name: 'remove_service',
  title: 'Remove a service',
  summary:
    'Stops watching a service that was registered at run time, and what was discovered through it. Their history is kept.',
  scope: 'admin',
  mutates: true,
  destructive: true,
  input: Type.Object(
    { service: Type.String({ minLength: 1, maxLength: 500, description: 'name of the service' }) },
    { additionalProperties: false },
  ),
  output: Type.Object({ removed: Type.Array(Type.String()) }),
  rest: { method: 'DELETE', path: '/services/{service}' },
  mcp: null,
  cli: {
    command: 'remove',
    positionals: ['service'],
    view: ({ removed }) => ({ lines: [`Removed ${removed.join(', ')}.`] }),
  },
  async handler({ service }, { store, announce, targetsChanged }) {
    const changes = await store.removeService({ name: service });
    if (changes === null) throw new MatrixError('MX_NOT_FOUND', `There is no service named "${service}"`);
    announce(changes);
    targetsChanged();
    return { removed: [...changes.removed] };
  },
});
