/** Says in words what a JSON Schema expects and what a value is. */
import { LIMITS } from '../contract/limits.js';
import { isSecretKey, maskText } from './mask.js';

const UNITS: Readonly<Record<string, string>> = {
  s: 'seconds',
  ms: 'milliseconds',
  days: 'days',
  percent: 'percent',
  bytes: 'bytes',
};

interface SchemaLike {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SchemaLike[];
  readonly oneOf?: readonly SchemaLike[];
  readonly items?: SchemaLike;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly pattern?: string;
  /** Says in words what a pattern means. */
  readonly title?: string;
  readonly format?: string;
  readonly examples?: readonly unknown[];
}

/**
 * What a schema expects, as the object of "expected …".
 * @param key the key that holds the value: its suffix tells the unit
 */
export function describeSchema(schema: unknown, key = ''): string {
  const like = (typeof schema === 'object' && schema !== null ? schema : {}) as SchemaLike;
  const branches = like.anyOf ?? like.oneOf;
  if (branches !== undefined) {
    const choices = branches.flatMap((branch) =>
      branch.const === undefined ? [] : [JSON.stringify(branch.const)],
    );
    if (choices.length === branches.length) return oneOf(choices);
    return [...new Set(branches.map((branch) => describeSchema(branch, key)))].join(' or ');
  }
  if (like.const !== undefined) return JSON.stringify(like.const);
  if (like.enum !== undefined) return oneOf(like.enum.map((value) => JSON.stringify(value)));
  const types = typeof like.type === 'string' ? [like.type] : (like.type ?? []);
  return types.map((type) => describeType(type, like, key)).join(' or ') || 'another value';
}

function describeType(type: string, like: SchemaLike, key: string): string {
  switch (type) {
    case 'integer':
    case 'number': {
      const unit = UNITS[/(?:^|_)([a-z]+)$/.exec(key)?.[1] ?? ''];
      const what = type === 'integer' ? 'a whole number' : 'a number';
      return what + (unit === undefined ? '' : ` of ${unit}`) + range(like);
    }
    case 'string':
      return describeText(like);
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a list${counts(like.minItems, like.maxItems, 'entries')}${like.uniqueItems ? ' without repeats' : ''}`;
    case 'object':
      return 'a table';
    default:
      return 'nothing';
  }
}

function describeText(like: SchemaLike): string {
  if (like.title !== undefined) return like.title;
  const example = like.examples?.[0];
  if (example !== undefined) return `text such as ${JSON.stringify(example)}`;
  if (like.format !== undefined) return `text that is a valid ${like.format}`;
  const length = counts(like.minLength === 1 ? undefined : like.minLength, like.maxLength, 'characters');
  const pattern = like.pattern === undefined ? '' : ` matching ${like.pattern}`;
  return `${like.minLength === 1 ? 'non-empty text' : 'text'}${length}${pattern}`;
}

function oneOf(choices: readonly string[]): string {
  return choices.length === 1 ? (choices[0] ?? '') : `one of ${choices.join(', ')}`;
}

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: SchemaLike): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  const low =
    minimum !== undefined
      ? `at least ${minimum}`
      : exclusiveMinimum !== undefined
        ? `above ${exclusiveMinimum}`
        : '';
  const high =
    maximum !== undefined
      ? `at most ${maximum}`
      : exclusiveMaximum !== undefined
        ? `below ${exclusiveMaximum}`
        : '';
  return [low, high]
    .filter((part) => part !== '')
    .map((part) => ` ${part}`)
    .join(' and');
}

function counts(least: number | undefined, most: number | undefined, unit: string): string {
  if (least !== undefined && most !== undefined) return ` of ${least} to ${most} ${unit}`;
  if (least !== undefined) return ` of at least ${least} ${unit}`;
  return most === undefined ? '' : ` of at most ${most} ${unit}`;
}

/** What came, bounded and with secrets hidden. */
export function describeValue(value: unknown, key = ''): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a table';
  if (isSecretKey(key)) return `${typeof value === 'string' ? 'other text' : `a ${typeof value}`} (hidden)`;
  const shown = maskText(typeof value === 'string' ? JSON.stringify(value) : String(value));
  return shown.length > LIMITS.config_shown.value
    ? `${shown.slice(0, LIMITS.config_shown.value - 1)}…`
    : shown;
}
