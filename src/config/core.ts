import { CORE_SECTIONS, type CoreConfig, type CoreSection } from '../../schema/config.js';
import type { ConfigDocument } from './document.js';
import type { EnvConfig } from './environment.js';
import { nearest, type Problem } from './problem.js';
import { type Finding, UNKNOWN_KEY, type Validator } from './validator.js';

/** What the core sections come to, with the environment applied over the file over the defaults. */
export interface CoreResult {
  readonly config: CoreConfig;
  readonly problems: readonly Problem[];
}

/** Validates the sections that belong to no family; a section that is wrong stands at its defaults meanwhile. */
export function readCore(
  document: ConfigDocument,
  env: EnvConfig,
  compile: (schema: object) => Validator,
): CoreResult {
  const problems: Problem[] = [];
  const config = { matrix: {}, front: {}, log: {} } as unknown as CoreConfig;
  for (const section of Object.keys(CORE_SECTIONS) as CoreSection[]) {
    const validate = compile(CORE_SECTIONS[section]);
    const written = Object.hasOwn(document.root, section) ? document.root[section] : undefined;
    const value: unknown = written ?? {};
    const findings = document.wasReported([section]) ? [] : validate(value);
    problems.push(...tieToFile(document, [section], findings, hintElsewhere));
    const usable = findings.length === 0 && typeof value === 'object' ? value : {};
    if (usable !== value) validate(usable);
    Object.assign(config[section], usable);
  }
  for (const { section, key, value } of env.values) Object.assign(config[section], { [key]: value });
  return { config, problems };
}

/** Findings as problems with a place; what was reported while reading is not repeated. */
export function tieToFile(
  document: ConfigDocument,
  base: readonly (string | number)[],
  findings: readonly Finding[],
  hintFor: (finding: Finding) => string | undefined = () => undefined,
): Problem[] {
  return findings.flatMap((finding) => {
    const path = [...base, ...finding.path];
    if (document.wasReported(path)) return [];
    return [document.problem(path, finding.message, hintFor(finding) ?? finding.hint)];
  });
}

function hintElsewhere(finding: Finding): string | undefined {
  return finding.message === UNKNOWN_KEY ? sectionOf(String(finding.path.at(-1))) : undefined;
}

function sectionOf(key: string): string | undefined {
  const home = Object.entries(CORE_SECTIONS).find(([, schema]) => Object.hasOwn(schema.properties, key));
  return home === undefined ? undefined : `\`${key}\` belongs in [${home[0]}]`;
}

/** Refuses top-level keys that are neither a core section nor a family. */
export function checkSections(document: ConfigDocument, familyNames: readonly string[]): Problem[] {
  const valid = [...Object.keys(CORE_SECTIONS), ...familyNames];
  const unknown = Object.keys(document.root).filter((key) => !valid.includes(key));
  return unknown.map((key) => {
    const meant = nearest(key, valid);
    const hint =
      meant === undefined
        ? (sectionOf(key) ?? `valid here: ${valid.join(', ')}`)
        : `did you mean \`${meant}\`?`;
    return document.problem([key], 'unknown section', hint);
  });
}
