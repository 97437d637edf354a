/** `matrix token`: prints a signed token, and nothing else, on standard output. */
import { parseArgs } from 'node:util';
import { loadFamilies } from '../config/families.js';
import { loadSettings } from '../config/load.js';
import { weakness } from '../config/secret.js';
import { MatrixError } from '../contract/errors.js';
import { isRole, mintToken, ROLES } from '../front/auth.js';
import { type Command, EXIT, type Io, UsageError } from './command.js';

const UNITS_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const DEFAULT_TTL = '24h';
const MAX_TTL_S = 366 * 86_400;

export const tokenCommand: Command = {
  name: 'token',
  summary: 'Print a token for changes and for agents.',
  usage: 'token [--role viewer|member|admin] [--subject NAME] [--ttl 24h]',
  options: [
    ['--role <role>', `${ROLES.join(', ')}: each may do what the ones before it may (default viewer)`],
    ['--subject <name>', 'who it is for, as the audit log shows it (default operator)'],
    ['--ttl <time>', `how long it is good: 90s, 30m, 24h, 30d (default ${DEFAULT_TTL})`],
    ['--config <file>', 'config file of the instance that the token is for'],
  ],
  async run(args, io) {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({
      args: [...args],
      options: { role: text, subject: text, ttl: text, config: text },
      strict: true,
    });
    const role = values.role ?? 'viewer';
    if (!isRole(role)) throw new UsageError(`--role must be one of ${ROLES.join(', ')}`);
    const subject = values.subject ?? 'operator';
    if (subject.trim() === '') throw new UsageError('--subject must not be empty');
    const ttlS = parseTtl(values.ttl ?? DEFAULT_TTL);
    io.out(`${await mintToken({ role, subject, ttlS, secret: await secretOf(io, values.config) })}\n`);
    return EXIT.ok;
  },
};

/** `90s`, `30m`, `24h`, `30d` in seconds. @throws UsageError for anything else, and beyond a year. */
export function parseTtl(text: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  const seconds = Number(match?.[1]) * (UNITS_S[match?.[2] ?? ''] ?? Number.NaN);
  if (!(seconds > 0)) throw new UsageError(`--ttl must be a time such as 30m, 24h or 30d, got "${text}"`);
  if (seconds > MAX_TTL_S) throw new UsageError('--ttl may be 366d at most: a token cannot be taken back');
  return seconds;
}

/** The environment's secret needs no config file to be right, as beside a container. */
async function secretOf(io: Io, file: string | undefined): Promise<string> {
  const fromEnv = io.env['MATRIX_JWT_SECRET'];
  if (fromEnv) {
    const why = weakness(fromEnv);
    if (why !== undefined) throw new MatrixError('MX_SECRET_WEAK', why);
    return fromEnv;
  }
  const options = { env: io.env, cwd: io.cwd, families: await loadFamilies() };
  return (await loadSettings(file === undefined ? options : { ...options, file })).jwtSecret;
}
