/**
 * What Matrix says to the outside: REST bodies, WebSocket messages and MCP results are made of these shapes.
 * Written once; the types and the JSON Schema both come from here. Names are snake_case, instants ISO 8601.
 */
import { type Static, type TSchema, Type } from 'typebox';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Instant = Type.String({ format: 'date-time' });

export const VerdictSchema = Type.Union([
  Type.Literal('pass'),
  Type.Literal('warn'),
  Type.Literal('fail'),
  Type.Literal('unknown'),
]);

export const MeasurementSchema = Type.Object({
  name: Type.String(),
  value: Type.Number(),
  unit: Type.String({ description: 'ms, s, bytes, percent, count or days' }),
});

export const FactsSchema = Type.Record(
  Type.String(),
  Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]),
);

export const CheckSchema = Type.Object(
  {
    service: Type.String(),
    family: Type.String(),
    status: VerdictSchema,
    code: Nullable(Type.String({ description: 'from the closed list of the family' })),
    detail: Type.String(),
    since: Nullable(Instant),
    checked_at: Nullable(Instant),
    duration_ms: Nullable(Type.Number()),
    interval_s: Type.Number(),
    measurements: Type.Array(MeasurementSchema),
    facts: FactsSchema,
    stored: Type.Boolean({ description: 'false while the result waits for the database' }),
  },
  { description: 'The newest state of one service. A service with no result yet is `unknown`.' },
);
export type Check = Static<typeof CheckSchema>;

export const CycleSchema = Type.Object({
  id: Type.Integer(),
  ts: Instant,
  duration_ms: Type.Number({ description: 'from the start of the cycle to its last answer' }),
  overall: Type.Union([Type.Literal('pass'), Type.Literal('fail')]),
  closed: Type.Boolean({ description: 'whether every check due in the cycle has answered' }),
  counts: Type.Object({
    pass: Type.Integer(),
    warn: Type.Integer(),
    fail: Type.Integer(),
    unknown: Type.Integer(),
  }),
});
export type Cycle = Static<typeof CycleSchema>;

export const StatusSchema = Type.Object(
  {
    customer_id: Type.String(),
    deploy_color: Nullable(Type.String()),
    generated_at: Instant,
    cycle: Type.Union([CycleSchema, Type.Null()], {
      description: 'null while the database is away and has not told of one since Matrix was started',
    }),
    overall: Type.Union([Type.Literal('pass'), Type.Literal('fail')]),
    checks: Type.Array(CheckSchema),
  },
  { description: 'The newest cycle with the state of every service.' },
);
export type Status = Static<typeof StatusSchema>;

export const AlertSchema = Type.Object({
  id: Type.String({ format: 'uuid' }),
  customer_id: Type.String(),
  service: Type.String(),
  severity: Type.Union([
    Type.Literal('info'),
    Type.Literal('warning'),
    Type.Literal('error'),
    Type.Literal('critical'),
  ]),
  code: Nullable(Type.String()),
  message: Type.String(),
  created_at: Instant,
  acked_at: Nullable(Instant),
  acked_by: Nullable(Type.String()),
});
export type Alert = Static<typeof AlertSchema>;

export const HistoryRowSchema = Type.Object({
  ts: Instant,
  status: VerdictSchema,
  code: Nullable(Type.String()),
  detail: Type.String(),
  duration_ms: Type.Number(),
  not_observed_s: Nullable(
    Type.Integer({
      description: 'seconds before this check in which checks were due and none was made; null: not known',
    }),
  ),
});
export type HistoryRow = Static<typeof HistoryRowSchema>;

export const UptimeRowSchema = Type.Object({
  service: Type.String(),
  passes: Type.Integer({ description: 'checks that did not fail: pass and warn' }),
  warns: Type.Integer({ description: 'of the passes, those that warned' }),
  fails: Type.Integer(),
  total: Type.Integer({ description: 'passes + fails; unknown is never counted' }),
  uptime_percent: Nullable(Type.Number({ description: 'two decimals; null when nothing was judged' })),
  not_observed_s: Nullable(
    Type.Integer({
      description: 'seconds for which there is no result at all; null for what is not checked by a clock',
    }),
  ),
});
export type UptimeRow = Static<typeof UptimeRowSchema>;

export const ServiceSchema = Type.Object({
  name: Type.String(),
  family: Type.String(),
  source: Type.Union([Type.Literal('config'), Type.Literal('api'), Type.Literal('discovered')]),
  config: Type.Record(Type.String(), Type.Unknown()),
  created_at: Instant,
});
export type Service = Static<typeof ServiceSchema>;

export const ErrorSchema = Type.Object(
  {
    error: Type.Object({
      code: Type.String({ description: 'MX_… as listed in ops/errors.md' }),
      message: Type.String(),
      next: Type.String({ description: 'what to do' }),
      request_id: Type.String(),
    }),
  },
  { description: 'Every refusal has this shape.' },
);
export type ErrorBody = Static<typeof ErrorSchema>;
