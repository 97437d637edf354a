import { TargetCommonSchema } from '../../schema/config.js';
import { MatrixError, messageOf } from '../contract/errors.js';
import type { FamilySpec, TargetCommon } from '../contract/family.js';
import type { Target } from './settings.js';
import { type Finding, UNKNOWN_KEY, type Validator } from './validator.js';

const DEFAULT_TIMEOUT_S = 5;

/** The whole JSON Schema of one target of a family: its own keys, the common ones, and no other. */
export function targetSchema(spec: FamilySpec): object {
  const common = TargetCommonSchema.properties;
  const required = [...new Set(['name', ...(spec.schema.required ?? [])])];
  return {
    ...spec.schema,
    properties: { ...common, ...spec.schema.properties },
    required,
    additionalProperties: false,
  };
}

export type TargetCheck =
  | { readonly target: Target; readonly findings: readonly [] }
  | { readonly target: null; readonly findings: readonly Finding[] };

/** Validates one target. `raw` gets the family's defaults in place; paths of findings start inside the target. */
export type TargetValidator = (family: string, raw: unknown, checkIntervalMs: number) => TargetCheck;

/**
 * Makes the validator that the file, discovery and services registered at run time all go through.
 * @throws MX_CHILD_SPEC when a family's schema is itself wrong
 */
export function createTargetValidator(
  families: ReadonlyMap<string, FamilySpec>,
  compile: (schema: object) => Validator,
): TargetValidator {
  const validators = new Map<string, Validator>();
  for (const [name, spec] of families) {
    try {
      validators.set(name, compile(targetSchema(spec)));
    } catch (error) {
      throw new MatrixError('MX_CHILD_SPEC', `family ${name}: spec.schema is wrong: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
  return (family, raw, checkIntervalMs) => {
    const spec = families.get(family);
    const validate = validators.get(family);
    if (spec === undefined || validate === undefined) {
      return refused([
        { path: [], message: `expected one of ${[...families.keys()].join(', ')}, came ${family}` },
      ]);
    }
    const findings = validate(raw);
    // An unknown key does not keep the others from being judged: all mistakes are told at once.
    if (findings.some(({ message }) => message !== UNKNOWN_KEY)) return refused(findings);
    const judged = judge(spec, raw as TargetCommon & Record<string, unknown>, checkIntervalMs);
    return findings.length > 0 ? refused([...findings, ...judged.findings]) : judged;
  };
}

function refused(findings: readonly Finding[]): TargetCheck {
  return { target: null, findings };
}

/** What no schema can say: the family's own check, which gets a valid target with its defaults. */
function judge(
  spec: FamilySpec,
  config: TargetCommon & Record<string, unknown>,
  checkIntervalMs: number,
): TargetCheck {
  try {
    const sentence = spec.check?.(config);
    if (sentence !== undefined) return refused([findingFrom(sentence, config)]);
    return { target: build(spec, config, checkIntervalMs), findings: [] };
  } catch (error) {
    return refused([
      { path: [], message: `the check of family ${spec.name} itself failed: ${messageOf(error)}` },
    ]);
  }
}

/** Placed at the first key of the target that the sentence names; `url: must be …` does not say `url` twice. */
function findingFrom(sentence: string, config: object): Finding {
  const words = sentence.match(/[A-Za-z_]\w*/g) ?? [];
  const field = words.find((word) => Object.hasOwn(config, word));
  if (field === undefined) return { path: [], message: sentence };
  const prefix = `${field}: `;
  return { path: [field], message: sentence.startsWith(prefix) ? sentence.slice(prefix.length) : sentence };
}

function build(
  spec: FamilySpec,
  config: TargetCommon & Record<string, unknown>,
  checkIntervalMs: number,
): Target {
  const { name, interval_s, timeout_s, via } = config;
  return {
    family: spec.name,
    name,
    intervalMs: interval_s === undefined ? checkIntervalMs : Math.round(interval_s * 1000),
    timeoutMs: Math.round((timeout_s ?? spec.timeoutS ?? DEFAULT_TIMEOUT_S) * 1000),
    overUplink: via === undefined ? (spec.overUplink?.(config) ?? false) : via === 'uplink',
    config,
  };
}
