import { MatrixError } from '../contract/errors.js';
import { draftSettings, type LoadOptions } from './load.js';
import { ConfigError, envProblem, type Problem } from './problem.js';

/** What `matrix config check` tells. */
export interface ConfigSummary {
  readonly ok: boolean;
  /** File that was read; null when there is none, or none could be chosen or read. */
  readonly file: string | null;
  /** Number of targets by family; empty when not `ok`. */
  readonly targets: Readonly<Record<string, number>>;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  /** The problems as text, or one line that says what is fine. */
  readonly message: string;
}

/** Validates the configuration as a start would, without making anything on disk. Never throws for a bad one. */
export async function checkConfig(options: LoadOptions): Promise<ConfigSummary> {
  try {
    const { file, targets, warnings } = await draftSettings(options);
    const counts: Record<string, number> = {};
    for (const { family } of targets) counts[family] = (counts[family] ?? 0) + 1;
    const listed = Object.entries(counts).map(([family, count]) => `${count} ${family}`);
    const message = `${file ?? 'No config file, defaults'}: fine; targets: ${listed.join(', ') || 'none'}`;
    return { ok: true, file, targets: counts, problems: [], warnings, message };
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    const problems = error instanceof ConfigError ? error.problems : [asProblem(error)];
    return { ok: false, file: null, targets: {}, problems, warnings: [], message: error.message };
  }
}

function asProblem(error: MatrixError): Problem {
  const variable = error.code === 'MX_CONFIG_UNREADABLE' ? 'MATRIX_CONFIG' : 'MATRIX_JWT_SECRET';
  return envProblem(variable, error.message, error.next);
}
