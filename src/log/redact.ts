import { isSecretKey } from '../config/mask.js';

/** Deepest object that is logged; deeper ones are named, not shown. */
const MAX_DEPTH = 6;
const MAX_ENTRIES = 100;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text that cannot move a terminal's cursor or hide a part of itself; tabs and newlines stay. */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, '\ufffd');
}

/**
 * A copy of a log record's fields in which no value under a secret's key survives, errors are plain objects, and
 * cycles, depth and length are bounded. Never throws.
 */
export function redact(fields: Record<string, unknown>): Record<string, unknown> {
  return copyTable(fields, 0, new Set([fields]));
}

function copyTable(table: object, depth: number, open: Set<object>): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(table).slice(0, MAX_ENTRIES)) {
    copy[key] = isSecretKey(key) ? '***' : copyValue(read(table, key), depth, open);
  }
  return copy;
}

/** A getter may throw; a log line must not. */
function read(table: object, key: string): unknown {
  try {
    return (table as Record<string, unknown>)[key];
  } catch {
    return '[unreadable]';
  }
}

function copyValue(value: unknown, depth: number, open: Set<object>): unknown {
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'function') return '[function]';
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (open.has(value)) return '[circular]';
  if (depth >= MAX_DEPTH) return Array.isArray(value) ? '[list]' : '[table]';
  open.add(value);
  const copy = copyObject(value, depth + 1, open);
  open.delete(value);
  return copy;
}

function copyObject(value: object, depth: number, open: Set<object>): unknown {
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((entry) => copyValue(entry, depth, open));
  if (value instanceof Map) return copyTable(Object.fromEntries(value), depth, open);
  if (value instanceof Set) return copyValue([...value], depth, open);
  if (!(value instanceof Error)) return copyTable(value, depth, open);
  const { name, message, stack, cause } = value;
  return {
    type: name,
    message: withoutControls(message),
    ...copyTable(value, depth, open),
    ...(stack === undefined ? {} : { stack: withoutControls(stack) }),
    ...(cause === undefined ? {} : { cause: copyValue(cause, depth, open) }),
  };
}
