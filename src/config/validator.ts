import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import * as ajvFormats from 'ajv-formats';
import { describeSchema, describeValue } from './describe.js';
import { nearest, type Path } from './problem.js';

/** One thing that a schema refuses, before it is tied to a file or a variable. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly hint?: string;
}

/** Message of a key that nothing knows. */
export const UNKNOWN_KEY = 'unknown key';

/** Applies defaults to `value` in place and answers what is wrong with it. */
export type Validator = (value: unknown) => Finding[];

/** Compiles JSON Schemas into validators that speak in sentences. Throws on a schema that is itself wrong. */
export function createCompiler(): (schema: object) => Validator {
  const ajv = new Ajv({
    allErrors: true,
    useDefaults: true,
    verbose: true,
    strictTypes: false,
    logger: false,
  });
  ajvFormats.default.default(ajv);
  return (schema) => {
    const validate = ajv.compile(schema);
    return (value) => run(validate, value);
  };
}

function run(validate: ValidateFunction, value: unknown): Finding[] {
  if (validate(value)) return [];
  const errors = validate.errors ?? [];
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf');
  const kept = errors.filter((error) => !unions.some((union) => isHidden(error, union)));
  const findings = new Map<string, Finding>();
  for (const error of kept) {
    const finding = explain(error);
    // One sentence a place: it says everything that the schema expects there.
    const key = JSON.stringify(finding.path);
    if (!findings.has(key)) findings.set(key, finding);
  }
  return [...findings.values()];
}

/** Whether `error` only says why a branch of `union` did not fit. */
function isHidden(error: ErrorObject, union: ErrorObject): boolean {
  return error !== union && error.schemaPath.startsWith(`${union.schemaPath}/`) && isWithin(error, union);
}

function isWithin(error: ErrorObject, union: ErrorObject): boolean {
  return error.instancePath === union.instancePath || error.instancePath.startsWith(`${union.instancePath}/`);
}

function explain(error: ErrorObject): Finding {
  const path = pathOf(error.instancePath);
  const { params, keyword } = error;
  if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') {
    const unknown = String(params['additionalProperty'] ?? params['unevaluatedProperty']);
    return unknownKey([...path, unknown], Object.keys(propertiesOf(error.parentSchema)));
  }
  if (keyword === 'required') {
    const missing = String(params['missingProperty']);
    const expected = describeSchema(propertiesOf(error.parentSchema)[missing], missing);
    return { path: [...path, missing], message: `expected ${expected}, came nothing` };
  }
  const key = keyOf(path);
  const expected = describeSchema(error.parentSchema, key);
  return { path, message: `expected ${expected}, came ${describeValue(error.data, key)}` };
}

/** The finding for a key that nothing knows. */
export function unknownKey(path: Path, valid: readonly string[]): Finding {
  const meant = nearest(String(path.at(-1)), valid);
  const hint = meant === undefined ? `valid here: ${valid.join(', ')}` : `did you mean \`${meant}\`?`;
  return { path, message: UNKNOWN_KEY, ...(valid.length === 0 ? {} : { hint }) };
}

/** The last name on the way: an entry of a list belongs to the list's key. */
function keyOf(path: Path): string {
  return String(path.findLast((step) => typeof step === 'string') ?? '');
}

function propertiesOf(schema: unknown): Record<string, unknown> {
  const like = schema as { properties?: Record<string, unknown> } | undefined;
  return like?.properties ?? {};
}

/** A JSON Pointer as a path; numbers stand for list entries. */
function pathOf(pointer: string): Path {
  const steps = pointer.split('/').slice(1);
  return steps.map((step) => {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    return /^(0|[1-9]\d*)$/.test(name) ? Number(name) : name;
  });
}
