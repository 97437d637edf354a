import { Type } from 'typebox';
import { amount, type Limit } from '../../contract/limits.js';
import { operation } from './operation.js';

const LimitSchema = Type.Object({
  limit: Type.String({ description: 'as in `ops/limits.md` and in the metrics' }),
  area: Type.String(),
  value: Type.Number(),
  unit: Type.Unsafe<Limit['unit']>({ type: 'string' }),
  used: Type.Union([Type.Number(), Type.Null()], { description: 'null where nobody measures it' }),
  bounds: Type.String({ description: 'what is bounded' }),
  beyond: Type.String({ description: 'what happens at the limit' }),
});

export const getLimits = operation({
  name: 'get_limits',
  title: 'Limits',
  summary: 'Every bound of Matrix: what it bounds, how much of it is used now, and what happens beyond it.',
  scope: 'viewer',
  mutates: false,
  input: Type.Object({}, { additionalProperties: false }),
  output: Type.Object({ limits: Type.Array(LimitSchema) }),
  rest: { method: 'GET', path: '/limits' },
  mcp: null,
  cli: {
    command: 'limits',
    view: ({ limits }) => ({
      columns: ['LIMIT', 'USED', 'AT MOST', 'WHAT IT BOUNDS'],
      rows: limits.map(({ limit, value, unit, used, bounds }) => [
        limit,
        used === null ? '-' : amount(used, unit),
        amount(value, unit),
        bounds,
      ]),
    }),
  },
  handler: (_input, context) => ({ limits: [...context.limits()] }),
});
