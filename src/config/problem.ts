import { ERRORS, MatrixError } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';

/** Where a key is, from the root: `['http', 0, 'url']`. */
export type Path = readonly (string | number)[];

/** A place in a file, both counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One thing wrong with the configuration. */
export interface Problem {
  /** File as shown to the user; null for the environment. */
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  /** `http[0].url`, the name of an environment variable, or '' for the file as a whole. */
  readonly path: string;
  /** What was expected and what came. Never holds a secret. */
  readonly message: string;
  /** The nearest valid key or another way out. */
  readonly hint?: string;
  /** The text itself could not be read; the column then belongs to the place. */
  readonly syntax?: boolean;
}

/** Everything wrong with the configuration at once; `message` is ready to print. */
export class ConfigError extends MatrixError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super('MX_CONFIG_INVALID', report(problems));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** `file:line: path: message; hint`, one line. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, path, message, hint } = problem;
  const at = line === null ? '' : problem.syntax && column !== null ? `:${line}:${column}` : `:${line}`;
  const parts = [`${file ?? 'environment'}${at}`, ...(path === '' ? [] : [path]), message];
  return parts.join(': ') + (hint === undefined ? '' : `; ${hint}`);
}

function report(problems: readonly Problem[]): string {
  const lines = problems
    .slice(0, LIMITS.config_problems.value)
    .map((problem) => `  ${formatProblem(problem)}`);
  if (problems.length > LIMITS.config_problems.value)
    lines.push(`  … and ${problems.length - LIMITS.config_problems.value} more`);
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return [`The configuration has ${count}:`, ...lines, ERRORS.MX_CONFIG_INVALID.next].join('\n');
}

/** `['http', 0, 'x y']` as `http[0]."x y"`, bounded. */
export function pathText(path: Path): string {
  const { value: most } = LIMITS.config_path;
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += (text === '' ? '' : '.') + (/^[\w-]+$/.test(step) ? step : JSON.stringify(step));
    if (text.length > most) return `${text.slice(0, most - 1)}…`;
  }
  return text;
}

/** A problem with an environment variable. */
export function envProblem(name: string, message: string, hint?: string): Problem {
  return {
    file: null,
    line: null,
    column: null,
    path: name,
    message,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** The candidate that a typing mistake most likely meant, or undefined when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = plain(word);
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const given = plain(candidate);
    const limit = Math.max(1, Math.min(3, Math.floor(Math.max(given.length, wanted.length) / 3)));
    const distance = isStem(wanted, given) ? 0.5 : editDistance(wanted, given, limit);
    if (distance <= limit && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `checkInterval` and `check-interval` are near `check_interval_s`; long words are cut, they are no typing mistake. */
function plain(word: string): string {
  return word
    .slice(0, 64)
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase();
}

function isStem(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.length >= 3 && long.startsWith(short);
}

/** Edits (insert, delete, replace, swap neighbours) from `a` to `b`; stops counting above `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const at = (line: number[], index: number) => line[index] ?? Number.POSITIVE_INFINITY;
      let cost = Math.min(
        at(above, j) + 1,
        at(row, j - 1) + 1,
        at(above, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, at(before, j - 2) + 1);
      row.push(cost);
    }
    before = above;
    above = row;
  }
  return above[b.length] ?? Number.POSITIVE_INFINITY;
}
