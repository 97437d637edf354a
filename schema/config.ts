/**
 * The config file's own sections, and what every target has. Keys are snake_case and carry their unit; the
 * defaults here are the ones that apply. A family's own keys are in `workers/<family>/spec.ts`.
 */
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false };

/** Longest name of a service or node, in characters. */
const MAX_NAME_CHARS = 200;
/** A day: nothing that is watched is checked less often. */
const MAX_INTERVAL_S = 86_400;
/** Longer than any sensible check; a hung one must be found within the same shift. */
const MAX_TIMEOUT_S = 300;

export const MatrixSectionSchema = Type.Object(
  {
    customer_id: Type.String({
      default: 'axe',
      pattern: '^[A-Za-z0-9._-]{1,64}$',
      title: '1 to 64 letters, digits, dots, dashes or underscores',
      description: 'Tenant marker on every record, log line and metric.',
    }),
    check_interval_s: Type.Number({
      default: 30,
      minimum: 1,
      maximum: MAX_INTERVAL_S,
      description:
        'Seconds between checks of a target that sets no interval of its own; also the length of a cycle.',
    }),
    deploy_color: Type.Optional(
      Type.Union([Type.Literal('blue'), Type.Literal('green')], {
        description: 'Which of two instances on one database this is.',
      }),
    ),
    node: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9._-]{1,200}$',
        title: '1 to 200 letters, digits, dots, dashes or underscores',
        description: "Name of this machine in results and logs; the host's name when absent.",
      }),
    ),
    data_dir: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4000,
        description:
          'Where the embedded database, the spool and the generated secret live. Relative to the config file.',
      }),
    ),
    database_url: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4000,
        description: 'PostgreSQL 15 or later, `postgres://…`. Absent: the embedded database.',
      }),
    ),
    keep_days: Type.Integer({
      default: 30,
      minimum: 1,
      maximum: 3650,
      description: 'Days that raw results are kept; rollups are kept longer.',
    }),
    spool_mb: Type.Integer({
      default: 256,
      minimum: 1,
      maximum: 65_536,
      description:
        'Most MiB of results that wait on disk while the database is away; beyond it the oldest routine passes go first.',
    }),
    discover: Type.Boolean({
      default: true,
      description: 'Whether families without a section of their own watch what this machine has.',
    }),
  },
  closed,
);

export const FrontSectionSchema = Type.Object(
  {
    host: Type.String({
      default: '127.0.0.1',
      pattern: '^[A-Za-z0-9._:%-]{1,253}$',
      title: 'a host name or an IP address',
      description: 'Address to listen on. `0.0.0.0` for all interfaces; the container image sets that.',
    }),
    port: Type.Integer({
      default: 3910,
      minimum: 0,
      maximum: 65_535,
      description: 'Port of the board, REST, MCP and health. 0 takes any free one.',
    }),
    anonymous_read: Type.Boolean({
      default: true,
      description: 'Whether the board and the status can be read without a token.',
    }),
    allowed_hosts: Type.Array(
      Type.String({ pattern: '^[A-Za-z0-9._-]{1,253}$', title: 'a host name without a port' }),
      {
        default: [],
        maxItems: 100,
        description: 'Host names accepted in the Host header, beyond loopback and IP addresses.',
      },
    ),
  },
  closed,
);

export const LogSectionSchema = Type.Object(
  {
    level: Type.Union(
      [Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')],
      { default: 'info', description: 'Least severe level that is written.' },
    ),
    format: Type.Union([Type.Literal('auto'), Type.Literal('json'), Type.Literal('pretty')], {
      default: 'auto',
      description: '`auto` is `pretty` on a terminal and `json` elsewhere.',
    }),
  },
  closed,
);

/** The sections that belong to no family, by name. */
export const CORE_SECTIONS = {
  matrix: MatrixSectionSchema,
  front: FrontSectionSchema,
  log: LogSectionSchema,
} as const;

export type CoreSection = keyof typeof CORE_SECTIONS;

export interface CoreConfig {
  matrix: Static<typeof MatrixSectionSchema>;
  front: Static<typeof FrontSectionSchema>;
  log: Static<typeof LogSectionSchema>;
}

/** What every target has, whatever its family. */
export const TargetCommonSchema = Type.Object({
  name: Type.String({
    minLength: 1,
    maxLength: MAX_NAME_CHARS,
    // `.` and `..` vanish from URLs; marks of writing direction turn a row of a terminal around.
    pattern:
      '^(?!\\.{1,2}$)(?!.*[\\u202A-\\u202E\\u2066-\\u2069])[^\\s\\p{Cc}\\p{Cs}]([^\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]*[^\\s\\p{Cc}\\p{Cs}])?$',
    title: `1 to ${MAX_NAME_CHARS} characters without control characters or spaces around, not . or ..`,
    description: 'Unique name of the service, as shown everywhere. In a single table the family’s name.',
  }),
  interval_s: Type.Optional(
    Type.Number({
      minimum: 1,
      maximum: MAX_INTERVAL_S,
      description: 'Seconds between checks; `check_interval_s` when absent.',
    }),
  ),
  timeout_s: Type.Optional(
    Type.Number({
      minimum: 0.05,
      maximum: MAX_TIMEOUT_S,
      description: 'Seconds until a check is cut off; 5 when absent, unless the family says otherwise.',
    }),
  ),
  via: Type.Optional(
    Type.Union([Type.Literal('uplink'), Type.Literal('local')], {
      description: 'Whether the check crosses the uplink; by default the family decides from the address.',
    }),
  ),
});
