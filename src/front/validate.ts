/** Inputs of operations against their schemas: compiled once, mistakes named, unknown fields refused. */
import { Ajv, type ErrorObject } from 'ajv';
import addFormats from 'ajv-formats';
import { MatrixError } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';
import { cleanText } from '../contract/result.js';
import type { Operation } from './operations/operation.js';

/** @throws MatrixError MX_BAD_REQUEST naming the fields that are wrong. @returns the input with its defaults. */
export type Validate = (operation: Operation, input: object) => unknown;

/** Compiles the inputs of all operations. */
export function validator(operations: readonly Operation[]): Validate {
  const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: false });
  // The package is CommonJS: its callable is the module's `default`.
  addFormats.default(ajv);
  const compiled = new Map(operations.map((operation) => [operation, ajv.compile(operation.input)]));
  return (operation, input) => {
    const check = compiled.get(operation);
    if (check === undefined) throw new MatrixError('MX_INTERNAL', `${operation.name} is not in the registry`);
    const copy = { ...input };
    if (!check(copy)) throw new MatrixError('MX_BAD_REQUEST', sentence(check.errors ?? []));
    return copy;
  };
}

function sentence(errors: readonly ErrorObject[]): string {
  const { request_problems: most, request_problem_chars: length } = LIMITS;
  const problems = [...new Set(errors.map((error) => cleanText(problem(error), length.value)))];
  const told = problems.slice(0, most.value).join('; ');
  return problems.length > most.value ? `${told}; and ${problems.length - most.value} more` : told;
}

function problem(error: ErrorObject): string {
  const field = error.instancePath.slice(1).replaceAll('/', '.');
  switch (error.keyword) {
    case 'required':
      return `${error.params['missingProperty']} is required`;
    case 'additionalProperties':
      return `${error.params['additionalProperty']} is not a known field`;
    case 'format':
      return `${field} must be a ${String(error.params['format']).toUpperCase()}`;
    default:
      return field === '' ? `the input ${error.message}` : `${field} ${error.message}`;
  }
}
