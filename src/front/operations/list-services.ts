import { Type } from 'typebox';
import { ServiceSchema } from '../../../schema/wire.js';
import { covers } from '../auth.js';
import { operation } from './operation.js';
import { withoutSecrets } from './secrets.js';
import { ago } from './words.js';

export const listServices = operation({
  name: 'list_services',
  title: 'Services',
  summary:
    'Every service that Matrix knows, with its family and where it came from; members also see its configuration.',
  scope: 'viewer',
  mutates: false,
  input: Type.Object({}, { additionalProperties: false }),
  output: Type.Object({ services: Type.Array(ServiceSchema) }),
  rest: { method: 'GET', path: '/services' },
  mcp: null,
  cli: {
    command: 'services',
    view: ({ services }) => ({
      columns: ['SERVICE', 'FAMILY', 'SOURCE', 'CREATED'],
      rows: services.map((row) => [row.name, row.family, row.source, ago(row.created_at)]),
    }),
  },
  async handler(_input, { store, principal }) {
    const services = [...(await store.listServices())];
    // A configuration tells more than a state: addresses, request headers, names of engines.
    if (covers(principal.role, 'member')) return { services: services.map(withoutSecrets) };
    return { services: services.map((service) => ({ ...service, config: {} })) };
  },
});
