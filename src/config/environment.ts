import { readFile } from 'node:fs/promises';
import { CORE_SECTIONS, type CoreSection } from '../../schema/config.js';
import { messageOf } from '../contract/errors.js';
import { envProblem, nearest, type Problem } from './problem.js';
import type { Validator } from './validator.js';

export type Env = Readonly<Record<string, string | undefined>>;

/** Variables that set a key of the config file; an empty one counts as not set, as compose files pass them. */
export const ENV_KEYS: Readonly<Record<string, readonly [CoreSection, string]>> = {
  MATRIX_PORT: ['front', 'port'],
  MATRIX_HOST: ['front', 'host'],
  MATRIX_ANONYMOUS_READ: ['front', 'anonymous_read'],
  MATRIX_ALLOWED_HOSTS: ['front', 'allowed_hosts'],
  MATRIX_DATABASE_URL: ['matrix', 'database_url'],
  MATRIX_DATA_DIR: ['matrix', 'data_dir'],
  MATRIX_CHECK_INTERVAL: ['matrix', 'check_interval_s'],
  MATRIX_CUSTOMER_ID: ['matrix', 'customer_id'],
  MATRIX_DEPLOY_COLOR: ['matrix', 'deploy_color'],
  MATRIX_NODE: ['matrix', 'node'],
  MATRIX_KEEP_DAYS: ['matrix', 'keep_days'],
  MATRIX_LOG_LEVEL: ['log', 'level'],
  MATRIX_LOG_FORMAT: ['log', 'format'],
};

/** Variables that set a key of every `wan` target. */
export const WAN_KEYS: Readonly<Record<string, string>> = {
  MATRIX_LAN_GATEWAY: 'gateway',
  MATRIX_WAN_TARGET: 'target',
  MATRIX_DNS_HOST: 'dns_host',
};

/** Variables that have no key in the file. */
export const OTHER_VARIABLES: Readonly<Record<string, string>> = {
  MATRIX_CONFIG:
    'The config file; else `matrix.toml`, `matrix.yaml` or `matrix.yml` in the current directory.',
  MATRIX_JWT_SECRET:
    'Key that signs tokens, at least 32 characters. On the embedded database one is generated and kept beside the data; with a database of your own it is required.',
  MATRIX_JWT_SECRET_FILE: 'File that holds the secret, instead of the variable.',
  MATRIX_DATABASE_URL_FILE: 'File that holds the database URL, instead of the variable.',
  MATRIX_DB_PASSWORD: 'Read by the compose file only.',
};

/** Belong to tests and benchmarks, or to the command line as a client of a running Matrix. */
const FOREIGN = /^MATRIX_(TEST|BENCH|DEMO)_|^MATRIX_(URL|TOKEN)$/;

export interface EnvConfig {
  /** Values by section and key, already valid. */
  readonly values: readonly {
    readonly section: CoreSection;
    readonly key: string;
    readonly value: unknown;
  }[];
  /** Keys of `wan` targets that the environment sets, with the variable that set them. */
  readonly wan: Readonly<Record<string, { readonly value: string; readonly variable: string }>>;
  readonly jwtSecret: string | null;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** Reads the environment; bad values are reported, never guessed, and never shown when they are secret. */
export async function readEnvironment(env: Env, compile: (schema: object) => Validator): Promise<EnvConfig> {
  const problems: Problem[] = [];
  const values: EnvConfig['values'][number][] = [];
  for (const [name, [section, key]] of Object.entries(ENV_KEYS)) {
    const text = name === 'MATRIX_DATABASE_URL' ? await secretText(env, name, problems) : given(env, name);
    if (text === null || (key === 'deploy_color' && text === 'none')) continue;
    const schema = (CORE_SECTIONS[section].properties as Record<string, object>)[key] ?? {};
    const value = parseValue(text, schema);
    const findings = compile({ type: 'object', properties: { [key]: schema } })({ [key]: value });
    for (const finding of findings) problems.push(envProblem(name, finding.message));
    if (findings.length === 0) values.push({ section, key, value });
  }
  const wan: Record<string, { value: string; variable: string }> = {};
  for (const [variable, key] of Object.entries(WAN_KEYS)) {
    const value = given(env, variable);
    if (value !== null) wan[key] = { value, variable };
  }
  const jwtSecret = await secretText(env, 'MATRIX_JWT_SECRET', problems);
  return { values, wan, jwtSecret, problems, warnings: unknownVariables(env) };
}

function given(env: Env, name: string): string | null {
  const text = env[name]?.trim();
  return text === undefined || text === '' ? null : text;
}

/** A value from `NAME` or from the file that `NAME_FILE` names, as container secrets are mounted. */
async function secretText(env: Env, name: string, problems: Problem[]): Promise<string | null> {
  const direct = given(env, name);
  const file = given(env, `${name}_FILE`);
  if (file === null) return direct;
  if (direct !== null) {
    problems.push(envProblem(`${name}_FILE`, `expected either this or ${name}, came both`));
    return null;
  }
  try {
    const text = (await readFile(file, 'utf8')).trim();
    if (text !== '') return text;
    problems.push(envProblem(`${name}_FILE`, `expected a file with the value, came an empty file: ${file}`));
  } catch (error) {
    problems.push(envProblem(`${name}_FILE`, `expected a readable file: ${messageOf(error)}`));
  }
  return null;
}

const TRUE = ['true', '1', 'yes', 'on'];
const FALSE = ['false', '0', 'no', 'off'];

/** The text as the type that the schema wants; text that does not fit stays text, for the validator to refuse. */
function parseValue(text: string, schema: { type?: string }): unknown {
  switch (schema.type) {
    case 'integer':
    case 'number':
      return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case 'boolean': {
      const word = text.toLowerCase();
      return TRUE.includes(word) ? true : FALSE.includes(word) ? false : text;
    }
    case 'array':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
    default:
      return text;
  }
}

function unknownVariables(env: Env): string[] {
  const known = [...Object.keys(ENV_KEYS), ...Object.keys(WAN_KEYS), ...Object.keys(OTHER_VARIABLES)];
  return Object.keys(env)
    .filter((name) => name.startsWith('MATRIX_') && !known.includes(name) && !FOREIGN.test(name))
    .sort()
    .map((name) => {
      const meant = nearest(
        name.slice(7),
        known.map((candidate) => candidate.slice(7)),
      );
      return `environment: ${name} is not used${meant === undefined ? '' : `; did you mean \`MATRIX_${meant}\`?`}`;
    });
}
