import { isSecretKey } from '../config/mask.js';
import { LIMITS } from '../contract/limits.js';
import { cleanText } from '../contract/result.js';

/** One copy under way. */
interface Copying {
  /** Objects that the present value is inside of. */
  readonly open: Set<object>;
  /** Values that may still be copied: an object that many share would be shown once for each of them. */
  left: number;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text that cannot move a terminal's cursor or hide a part of itself; tabs and newlines stay. */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, '\ufffd');
}

/**
 * A copy of a log record's fields in which no value under a secret's key survives, errors are plain objects, and
 * cycles, depth, length and number of values are bounded. Never throws.
 */
export function redact(fields: Record<string, unknown>): Record<string, unknown> {
  return copyTable(fields, 0, { open: new Set([fields]), left: LIMITS.log_values.value });
}

function copyTable(table: object, depth: number, copying: Copying): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(table).slice(0, LIMITS.log_entries.value)) {
    copy[key] = isSecretKey(key) ? '***' : copyValue(read(table, key), depth, copying);
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

function copyValue(value: unknown, depth: number, copying: Copying): unknown {
  if (copying.left <= 0) return '[cut]';
  copying.left -= 1;
  if (typeof value === 'string') return cut(value);
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'function') return '[function]';
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (copying.open.has(value)) return '[circular]';
  if (depth >= LIMITS.log_depth.value) return Array.isArray(value) ? '[list]' : '[table]';
  copying.open.add(value);
  const copy = copyObject(value, depth + 1, copying);
  copying.open.delete(value);
  return copy;
}

/** Only the length: the rest of what a text may not be is for whoever writes it. */
function cut(text: string): string {
  return text.length > LIMITS.log_text.value ? cleanText(text, LIMITS.log_text.value) : text;
}

function copyObject(value: object, depth: number, copying: Copying): unknown {
  if (Array.isArray(value)) {
    return value.slice(0, LIMITS.log_entries.value).map((entry) => copyValue(entry, depth, copying));
  }
  if (value instanceof Map) return copyTable(Object.fromEntries(value), depth, copying);
  if (value instanceof Set) return copyValue([...value], depth, copying);
  if (!(value instanceof Error)) return copyTable(value, depth, copying);
  const { name, message, stack, cause } = value;
  return {
    type: name,
    message: cut(withoutControls(message)),
    ...copyTable(value, depth, copying),
    ...(stack === undefined ? {} : { stack: cut(withoutControls(stack)) }),
    ...(cause === undefined ? {} : { cause: copyValue(cause, depth, copying) }),
  };
}
