import { CORE_SECTIONS } from '../../schema/config.js';
import type { Families } from './families.js';
import { targetSchema } from './targets.js';

type Json = Record<string, unknown>;

/** The JSON Schema of the whole config file, for editors: completion, hover texts and checking while typing. */
export function configJsonSchema(families: Families): Json {
  const core = Object.entries(CORE_SECTIONS).map(([name, schema]) => [name, forEditors(schema)] as const);
  const targets = [...families].map(([name, spec]) => {
    const target = forEditors(targetSchema(spec));
    const single = { ...target, required: namesOf(target['required']).filter((key) => key !== 'name') };
    return [name, { description: spec.title, anyOf: [{ type: 'array', items: target }, single] }] as const;
  });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Configuration of Matrix',
    type: 'object',
    properties: Object.fromEntries([...core, ...targets]),
    additionalProperties: false,
  };
}

/** A plain copy in which a key with a default is not required: the default is applied before anything looks. */
function forEditors(schema: object): Json {
  return relax(JSON.parse(JSON.stringify(schema))) as Json;
}

function relax(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relax);
  if (typeof value !== 'object' || value === null) return value;
  const copy: Json = Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, relax(entry)]));
  const properties = copy['properties'];
  if (typeof properties !== 'object' || properties === null || !Array.isArray(copy['required'])) return copy;
  const withDefault = Object.entries(properties).flatMap(([key, entry]) =>
    typeof entry === 'object' && entry !== null && 'default' in entry ? [key] : [],
  );
  return { ...copy, required: namesOf(copy['required']).filter((key) => !withDefault.includes(key)) };
}

function namesOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
