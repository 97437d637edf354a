import { type Static, Type } from 'typebox';
import { amount, type Limit } from '../../contract/limits.js';
import { operation } from './operation.js';
import { wrap } from './words.js';

/** The whole table fits a terminal of this many columns. */
const TABLE_WIDTH = 120;
const GAP = 2;
const TITLES = ['LIMIT', 'USED', 'AT MOST', 'WHAT IT BOUNDS, AND WHAT HAPPENS BEYOND'] as const;

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
      columns: TITLES,
      rows: rowsOf(limits),
    }),
  },
  handler: (_input, context) => ({ limits: [...context.limits()] }),
});

/** Each limit with its sentences below one another, as wide as the other columns leave room for. */
function rowsOf(limits: readonly Static<typeof LimitSchema>[]): string[][] {
  const heads = limits.map(({ limit, used, value, unit }) => [
    limit,
    used === null ? '-' : amount(used, unit),
    amount(value, unit),
  ]);
  const taken = TITLES.slice(0, 3).map((title, index) =>
    Math.max(title.length, ...heads.map((head) => head[index]?.length ?? 0)),
  );
  const width = taken.reduce((left, column) => left - column - GAP, TABLE_WIDTH);
  return limits.flatMap(({ bounds, beyond }, index) => {
    const [first = '', ...rest] = [...wrap(bounds, width), ...wrap(`beyond: ${beyond}`, width)];
    return [[...(heads[index] ?? []), first], ...rest.map((line) => ['', '', '', line])];
  });
}
