import { LIMITS } from '../contract/limits.js';
import { tieToFile } from './core.js';
import { describeValue } from './describe.js';
import type { ConfigDocument } from './document.js';
import type { EnvConfig } from './environment.js';
import { envProblem, formatProblem, type Path, type Problem, pathText } from './problem.js';
import type { Target } from './settings.js';
import type { TargetValidator } from './targets.js';
import type { Finding } from './validator.js';

/** A target that the environment or the machine itself suggests. */
export interface Suggestion {
  readonly family: string;
  readonly raw: Record<string, unknown>;
}

export interface TargetsResult {
  readonly targets: readonly Target[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** The targets of the file and the suggested ones, validated; names are unique across all families. */
export class TargetCollector {
  readonly #document: ConfigDocument;
  readonly #env: EnvConfig;
  readonly #validate: TargetValidator;
  readonly #checkIntervalMs: number;
  readonly #targets: Target[] = [];
  readonly #problems: Problem[] = [];
  /** Problems of variables that were told already: one variable reaches several targets. */
  readonly #fromEnvironment = new Set<string>();
  readonly #warnings: string[] = [];
  /** Where each name was given first. */
  readonly #names = new Map<string, Path>();

  constructor(document: ConfigDocument, env: EnvConfig, validate: TargetValidator, checkIntervalMs: number) {
    this.#document = document;
    this.#env = env;
    this.#validate = validate;
    this.#checkIntervalMs = checkIntervalMs;
  }

  result(): TargetsResult {
    const problems = [...this.#problems, ...this.#tooMany()];
    return { targets: this.#targets, problems, warnings: this.#warnings };
  }

  /** Reads `[[family]]`, or a single `[family]`, whose name is then the family's unless it says otherwise. */
  addSection(family: string): void {
    const section = this.#document.root[family];
    if (this.#document.wasReported([family])) return;
    if (Array.isArray(section)) {
      section.forEach((raw: unknown, index) => {
        this.#addFromFile(family, raw, [family, index]);
      });
    } else if (isTable(section)) {
      this.#addFromFile(family, Object.hasOwn(section, 'name') ? section : { ...section, name: family }, [
        family,
      ]);
    } else {
      const came = describeValue(section, family);
      this.#problems.push(this.#document.problem([family], `expected a list of tables, came ${came}`));
    }
  }

  /** Adds a suggested target; one whose name is taken, or that does not fit, is left out with a warning. */
  addSuggestion({ family, raw }: Suggestion): void {
    const withEnv = this.#overlay(family, raw);
    const { target, findings } = this.#validate(family, withEnv, this.#checkIntervalMs);
    const fromEnv = this.#environmentProblems(family, findings);
    this.#problems.push(...fromEnv);
    const name = String(raw['name']);
    if (target === null) {
      if (fromEnv.length === 0)
        this.#warnings.push(`${family} ${name} is not watched: ${findings[0]?.message}`);
    } else if (this.#names.has(name)) {
      this.#warnings.push(
        `${family} ${name} is not watched: the config file uses this name for something else`,
      );
    } else {
      this.#names.set(name, []);
      this.#targets.push(target);
    }
  }

  #tooMany(): Problem[] {
    const { value: most } = LIMITS.configured_targets;
    if (this.#targets.length <= most) return [];
    return [this.#document.problem([], `expected at most ${most} targets, came ${this.#targets.length}`)];
  }

  #addFromFile(family: string, raw: unknown, path: Path): void {
    if (this.#document.wasReported(path)) return;
    if (isTable(raw)) this.#claimName(raw['name'], path);
    const { target, findings } = this.#validate(family, this.#overlay(family, raw), this.#checkIntervalMs);
    if (target !== null) this.#targets.push(target);
    const fromEnv = this.#environmentProblems(family, findings);
    const ownFindings = findings.filter((finding) => this.#variableOf(family, finding) === undefined);
    this.#problems.push(...fromEnv, ...tieToFile(this.#document, path, ownFindings));
  }

  #claimName(name: unknown, path: Path): void {
    if (typeof name !== 'string') return;
    const first = this.#names.get(name);
    if (first === undefined) {
      this.#names.set(name, path);
      return;
    }
    const { line } = this.#document.placeOf([...first, 'name']);
    const message = `expected a name of its own, came ${JSON.stringify(name)}, which ${pathText(first)} has on line ${line}`;
    this.#problems.push(this.#document.problem([...path, 'name'], message));
  }

  /** The environment wins over the file: its keys are laid over every `wan` target. */
  #overlay(family: string, raw: unknown): unknown {
    if (family !== 'wan' || !isTable(raw)) return raw;
    const values = Object.entries(this.#env.wan).map(([key, { value }]) => [key, value] as const);
    return { ...raw, ...Object.fromEntries(values) };
  }

  #variableOf(family: string, { path }: Finding): string | undefined {
    const key = path[0];
    if (family !== 'wan' || typeof key !== 'string' || !Object.hasOwn(this.#env.wan, key)) return undefined;
    return this.#env.wan[key]?.variable;
  }

  /** Findings about values that came from the environment, each reported once however many targets it hits. */
  #environmentProblems(family: string, findings: readonly Finding[]): Problem[] {
    return findings.flatMap((finding) => {
      const variable = this.#variableOf(family, finding);
      if (variable === undefined) return [];
      const problem = envProblem(variable, finding.message);
      const text = formatProblem(problem);
      if (this.#fromEnvironment.has(text)) return [];
      this.#fromEnvironment.add(text);
      return [problem];
    });
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
