import { Type } from 'typebox';
import { ServiceSchema } from '../../../schema/wire.js';
import { operation } from './operation.js';
import { withoutSecrets } from './secrets.js';

export const registerService = operation({
  name: 'register_service',
  title: 'Register a service',
  summary: 'Adds a target at run time. Its configuration is checked as if it stood in the config file.',
  scope: 'admin',
  mutates: true,
  input: Type.Object(
    {
      name: Type.String({
        minLength: 1,
        maxLength: 200,
        pattern: '^\\S(.*\\S)?$',
        description: 'unique name',
      }),
      family: Type.String({ minLength: 1, maxLength: 50, description: 'http, tunnel, disk, …' }),
      config: Type.Record(Type.String(), Type.Unknown(), {
        default: {},
        description: "the target's fields, as in the config file",
      }),
    },
    { additionalProperties: false },
  ),
  output: ServiceSchema,
  rest: { method: 'POST', path: '/services', status: 201 },
  mcp: null,
  cli: {
    command: 'register',
    positionals: ['name', 'family'],
    view: ({ name, family }) => ({ lines: [`Registered ${name} (${family}).`] }),
  },
  async handler(input, { store, checkTarget, targetsChanged }) {
    const { intervalMs } = await checkTarget(input);
    const service = await store.registerService({ ...input, intervalMs });
    targetsChanged();
    return withoutSecrets(service);
  },
});
