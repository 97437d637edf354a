/** The command-line view of the registry: one command per operation, made from its schema. */
import { parseArgs } from 'node:util';
import type { Operation } from '../front/operations/operation.js';
import { type FieldSchema, fieldSchema, pathFields } from '../front/operations/registry.js';
import { ask, type Request } from './client.js';
import { type Command, EXIT, UsageError } from './command.js';
import { drawView, wantsColour } from './table.js';

/** Makes the command of an operation. */
export function operationCommand(operation: Operation): Command {
  const positionals = operation.cli.positionals ?? [];
  const optional = Object.keys(operation.input.properties).filter((field) => !positionals.includes(field));
  const shown = positionals.map((field) => `<${kebab(field)}>`);
  return {
    name: operation.cli.command,
    summary: operation.summary,
    usage: [operation.cli.command, ...shown, '[options]'].join(' '),
    options: [
      ...positionals.map((field) => [`<${kebab(field)}>`, meaningOf(fieldSchema(operation, field))] as const),
      ...optional.map((field) => optionHelp(field, defaulted(operation, field))),
      ['--json', 'the answer as JSON, as the server gave it'],
    ],
    async run(args, io) {
      const { input, json } = parseInput(operation, optional, args);
      const output = await ask(io.env, requestOf(operation, input));
      const view = operation.cli.view(output);
      io.out(json ? `${JSON.stringify(output, null, 2)}\n` : drawView(view, wantsColour(io)));
      return view.failed === true ? EXIT.failed : EXIT.ok;
    },
  };
}

interface Parsed {
  readonly input: Readonly<Record<string, unknown>>;
  readonly json: boolean;
}

function parseInput(operation: Operation, optional: readonly string[], args: readonly string[]): Parsed {
  const positionals = operation.cli.positionals ?? [];
  const options = Object.fromEntries([
    ['json', { type: 'boolean' as const }],
    ...optional.map((field) => [kebab(field), { type: optionType(fieldSchema(operation, field)) }] as const),
  ]);
  const parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  if (parsed.positionals.length !== positionals.length) {
    const wanted = positionals.map((field) => `<${kebab(field)}>`).join(' ') || 'nothing';
    throw new UsageError(
      `expected ${wanted} after "${operation.cli.command}", got ${parsed.positionals.length} values`,
    );
  }
  const input: Record<string, unknown> = {};
  for (const [index, field] of positionals.entries()) input[field] = parsed.positionals[index];
  for (const field of optional) {
    const value = parsed.values[kebab(field)];
    if (value !== undefined) input[field] = parseValue(field, fieldSchema(operation, field), value);
  }
  return { input, json: parsed.values['json'] === true };
}

function requestOf(operation: Operation, input: Readonly<Record<string, unknown>>): Request {
  const { rest: route, scope: role } = operation;
  const { method } = route;
  const inPath = pathFields(operation);
  const path = route.path.replaceAll(/\{([^}]+)\}/g, (_, field: string) =>
    encodeURIComponent(String(input[field])),
  );
  const rest = Object.entries(input).filter(([field]) => !inPath.includes(field));
  if (method !== 'GET') return { method, path, role, body: Object.fromEntries(rest) };
  const query = new URLSearchParams(
    Object.fromEntries(rest.map(([field, value]) => [field, String(value)])),
  ).toString();
  return { method, path: query === '' ? path : `${path}?${query}`, role };
}

function parseValue(field: string, { type }: FieldSchema, value: string | boolean): unknown {
  if (type === 'object') {
    try {
      return JSON.parse(String(value));
    } catch {
      throw new UsageError(`--${kebab(field)} must be JSON`);
    }
  }
  if (type !== 'number' && type !== 'integer') return value;
  const number = Number(value);
  if (value === '' || !Number.isFinite(number)) throw new UsageError(`--${kebab(field)} must be a number`);
  return number;
}

function optionHelp(field: string, schema: FieldSchema): readonly [string, string] {
  const value = schema.type === 'boolean' ? '' : ` <${schema.type === 'object' ? 'json' : schema.type}>`;
  const fallback =
    schema.default === undefined || schema.type === 'boolean'
      ? ''
      : ` (default ${JSON.stringify(schema.default)})`;
  return [`--${kebab(field)}${value}`, meaningOf(schema) + fallback];
}

/** The field as REST serves it, which is what a command asks. */
function defaulted(operation: Operation, field: string): FieldSchema {
  const own = (operation.rest.defaults as Readonly<Record<string, unknown>> | undefined)?.[field];
  const schema = fieldSchema(operation, field);
  return own === undefined ? schema : { ...schema, default: own };
}

function optionType({ type }: FieldSchema): 'boolean' | 'string' {
  return type === 'boolean' ? 'boolean' : 'string';
}

function meaningOf({ description }: FieldSchema): string {
  return description ?? '';
}

function kebab(field: string): string {
  return field.replaceAll('_', '-');
}

/** All commands that talk to the server. */
export function operationCommands(operations: readonly Operation[]): readonly Command[] {
  return operations.map(operationCommand);
}
