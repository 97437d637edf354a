/** The compose file as data, with its variables filled in as the engine would. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PACKAGE_ROOT } from '../../src/config/paths.js';

export interface Service {
  readonly container_name: string;
  readonly image: string;
  readonly user?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly networks: readonly string[] | Readonly<Record<string, unknown>>;
  readonly volumes?: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly cap_add?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly group_add?: readonly string[];
  readonly extra_hosts?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly privileged?: boolean;
  readonly read_only?: boolean;
  readonly tmpfs?: readonly string[];
  readonly restart?: string;
  readonly stop_grace_period?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
}

export interface ComposeFile {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly name: string }>>;
  readonly volumes: Readonly<Record<string, { readonly name: string }>>;
}

export const COMPOSE_FILE = join(PACKAGE_ROOT, 'ops', 'compose.yaml');

/** The file's text, variables and all. */
export function composeText(): string {
  return readFileSync(COMPOSE_FILE, 'utf8');
}

/** Names of the variables that the engine refuses to go without. */
export function requiredVariables(): Set<string> {
  return new Set([...composeText().matchAll(/\$\{(\w+):\?/g)].map(([, name = '']) => name));
}

/** @throws when a required variable is not given, as the engine does. */
export function readCompose(variables: Readonly<Record<string, string>>): ComposeFile {
  const text = composeText().replaceAll(
    /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (_, name: string, kind: string | undefined, rest = '') => {
      const value = variables[name];
      if (value !== undefined && value !== '') return value;
      if (kind === '?') throw new Error(`${name}: ${rest}`);
      return kind === '-' ? rest : '';
    },
  );
  return parse(text, { merge: true }) as ComposeFile;
}
