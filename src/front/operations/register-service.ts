import { Type } from 'typebox';
import { ServiceSchema } from '../../../schema/wire.js';
import { MatrixError } from '../../contract/errors.js';
import { LIMITS } from '../../contract/limits.js';
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
        maxLength: LIMITS.name_chars.value,
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
    refuseTooLarge(input.config);
    const { intervalMs } = await checkTarget(input);
    const service = await store.registerService({ ...input, intervalMs });
    targetsChanged();
    return withoutSecrets(service);
  },
});

/** All of them are held in memory, and there may be many. */
function refuseTooLarge(config: object): void {
  const { value: limitBytes } = LIMITS.registered_config;
  if (Buffer.byteLength(JSON.stringify(config)) <= limitBytes) return;
  throw new MatrixError('MX_TOO_LARGE', `The config of a service may have ${limitBytes} bytes as JSON`);
}
