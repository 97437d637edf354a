import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { isatty } from 'node:tty';
import type { CoreConfig } from '../../schema/config.js';
import { MatrixError } from '../contract/errors.js';
import { checkSections, readCore } from './core.js';
import { defaultDataDir, prepareDataDir } from './data-dir.js';
import { discover } from './discover.js';
import { ConfigDocument } from './document.js';
import { type Env, type EnvConfig, readEnvironment } from './environment.js';
import type { Families } from './families.js';
import { FILE_NAMES, findFile, readConfigFile, shownName } from './file.js';
import { parseDocument } from './parse.js';
import { ConfigError, envProblem, type Problem } from './problem.js';
import { keptSecret, weakness } from './secret.js';
import { TargetCollector } from './sections.js';
import type { Settings } from './settings.js';
import { createTargetValidator } from './targets.js';
import { createCompiler } from './validator.js';

export interface LoadOptions {
  /** Looked through for `--config FILE`. */
  readonly argv?: readonly string[];
  readonly env: Env;
  /** Directory that relative paths and the search for a file start from. */
  readonly cwd: string;
  /** The registry, from `loadFamilies`. */
  readonly families: Families;
  /** Config file; wins over `MATRIX_CONFIG`. */
  readonly file?: string;
}

/** Settings with what the start should say about them. */
export interface LoadedSettings extends Settings {
  /** Sentences for the log: unused variables, targets that were left out, loose permissions. */
  readonly warnings: readonly string[];
  /** Files whose change is a change of the configuration. */
  readonly watchPaths: readonly string[];
}

/** Settings before anything is made on disk; `jwtSecret` is null when it is to be the kept one. */
export type Draft = Omit<LoadedSettings, 'jwtSecret'> & { readonly jwtSecret: string | null };

/**
 * Reads, validates and completes the configuration, then makes the data directory and, on the embedded database,
 * the secret. Environment over file over defaults.
 * @throws ConfigError with every problem at once; MX_CONFIG_UNREADABLE, MX_SECRET_MISSING, MX_SECRET_WEAK
 */
export async function loadSettings(options: LoadOptions): Promise<LoadedSettings> {
  const draft = await draftSettings(options);
  await prepareDataDir(draft.dataDir);
  if (draft.jwtSecret !== null) return { ...draft, jwtSecret: draft.jwtSecret };
  const { secret, warnings } = await keptSecret(draft.dataDir);
  return { ...draft, jwtSecret: secret, warnings: [...draft.warnings, ...warnings] };
}

/** As `loadSettings`, but touches nothing on disk. */
export async function draftSettings(options: LoadOptions): Promise<Draft> {
  const { env, cwd, families } = options;
  const file = await findFile(options);
  const document =
    file === null ? new ConfigDocument('') : parseDocument(shownName(file, cwd), await readConfigFile(file));
  const compile = createCompiler();
  const envConfig = await readEnvironment(env, compile);
  const core = readCore(document, envConfig, compile);
  const collector = new TargetCollector(
    document,
    envConfig,
    createTargetValidator(families, compile),
    Math.round(core.config.matrix.check_interval_s * 1000),
  );
  const discoveryWarnings = await collectTargets(collector, {
    options,
    document,
    envConfig,
    core: core.config,
  });
  const found = collector.result();
  refuse(
    [
      ...document.problems,
      ...checkSections(document, [...families.keys()]),
      ...core.problems,
      ...databaseProblems(core.config.matrix.database_url, document, envConfig),
      ...found.problems,
      ...envConfig.problems,
    ],
    judgeSecret(envConfig.jwtSecret, core.config.matrix.database_url),
  );
  return {
    ...settingsOf(core.config, file, envConfig, options),
    targets: found.targets,
    warnings: [...envConfig.warnings, ...discoveryWarnings, ...found.warnings],
  };
}

interface Parts {
  readonly options: LoadOptions;
  readonly document: ConfigDocument;
  readonly envConfig: EnvConfig;
  readonly core: CoreConfig;
}

/** A family with a section watches what the section says; the others watch what this machine has. */
async function collectTargets(collector: TargetCollector, parts: Parts): Promise<readonly string[]> {
  const { options, document, envConfig, core } = parts;
  const names = [...options.families.keys()];
  const configured = Object.keys(document.root).filter((key) => options.families.has(key));
  for (const family of configured) collector.addSection(family);
  if (!core.matrix.discover || document.problems.length > 0) return [];
  const discovery = await discover({
    env: options.env,
    envConfig,
    front: core.front,
    families: names.filter((family) => !configured.includes(family)),
  });
  for (const suggestion of discovery.suggestions) collector.addSuggestion(suggestion);
  return discovery.warnings;
}

/** Throws when anything is wrong. A bad secret alone has codes of its own; among others it is one of them. */
function refuse(problems: readonly Problem[], secretError: MatrixError | undefined): void {
  if (problems.length === 0 && secretError !== undefined) throw secretError;
  if (problems.length === 0) return;
  const secret = secretError?.message.replace('MATRIX_JWT_SECRET ', '');
  const all = secret === undefined ? [...problems] : [...problems, envProblem('MATRIX_JWT_SECRET', secret)];
  // In the order of the file, the environment last, as one reads and corrects them.
  const rank = ({ line, file }: Problem) => line ?? (file === null ? Number.MAX_SAFE_INTEGER : 0);
  throw new ConfigError(all.sort((a, b) => rank(a) - rank(b) || (a.column ?? 0) - (b.column ?? 0)));
}

function judgeSecret(secret: string | null, databaseUrl: string | undefined): MatrixError | undefined {
  if (secret !== null) {
    const why = weakness(secret);
    return why === undefined ? undefined : new MatrixError('MX_SECRET_WEAK', why);
  }
  // Instances that share a database must share the secret, and what is kept on one machine is not shared.
  if (databaseUrl === undefined) return undefined;
  return new MatrixError('MX_SECRET_MISSING', 'MATRIX_JWT_SECRET is required with a database of your own');
}

function databaseProblems(
  url: string | undefined,
  document: ConfigDocument,
  { values }: EnvConfig,
): Problem[] {
  // An empty host before `?host=/socket/directory` is PostgreSQL's own way to write a Unix socket.
  const parsable = url !== undefined && URL.canParse(url.replace('@/', '@localhost/'));
  if (url === undefined || (/^postgres(ql)?:\/\//.test(url) && parsable)) return [];
  // The value is not shown: whatever it is, there may be a password in it.
  const message =
    'expected a URL such as postgres://user:password@host:5432/matrix, came other text (hidden)';
  const hint = 'special characters in the password must be percent-encoded';
  const fromEnv = values.some(({ key }) => key === 'database_url');
  return [
    fromEnv
      ? envProblem('MATRIX_DATABASE_URL', message, hint)
      : document.problem(['matrix', 'database_url'], message, hint),
  ];
}

function settingsOf(
  { matrix, front, log }: CoreConfig,
  file: string | null,
  { jwtSecret, values }: EnvConfig,
  { env, cwd }: LoadOptions,
): Omit<Draft, 'targets' | 'warnings'> {
  const dirFromEnv = values.some(({ key }) => key === 'data_dir');
  const dirBase = dirFromEnv || file === null ? cwd : dirname(file);
  return {
    file,
    watchPaths: file === null ? FILE_NAMES.map((name) => join(cwd, name)) : [file],
    customerId: matrix.customer_id,
    deployColor: matrix.deploy_color ?? null,
    node: matrix.node ?? hostname(),
    dataDir: matrix.data_dir === undefined ? defaultDataDir(env, cwd) : resolve(dirBase, matrix.data_dir),
    databaseUrl: matrix.database_url ?? null,
    jwtSecret,
    checkIntervalMs: Math.round(matrix.check_interval_s * 1000),
    keepDays: matrix.keep_days,
    spoolMaxBytes: matrix.spool_mb * 1024 * 1024,
    front: {
      host: front.host,
      port: front.port,
      anonymousRead: front.anonymous_read,
      allowedHosts: front.allowed_hosts.map((host) => host.toLowerCase()),
    },
    log: { level: log.level, format: log.format === 'auto' ? autoFormat() : log.format },
  };
}

function autoFormat(): 'json' | 'pretty' {
  return isatty(1) ? 'pretty' : 'json';
}
