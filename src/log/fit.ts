import { LIMITS } from '../contract/limits.js';

/** In bytes. POSIX writes up to PIPE_BUF (4096 on Linux) to a pipe whole or not at all. */
const LINE = LIMITS.log_line;

/** Fields that identify a record; they are never cut. */
const KEPT = ['timestamp', 'level', 'service', 'customer_id'];
const CUT_CHARS = [800, 200, 60];

/**
 * A JSON log line that fits `LIMITS.log_line` with its newline. A longer one gets its long texts cut, then its nested
 * fields dropped, and says `truncated`.
 */
export function fitLine(line: string): string {
  if (Buffer.byteLength(line) <= LINE.value) return line;
  const record = JSON.parse(line) as Record<string, unknown>;
  for (const chars of CUT_CHARS) {
    const cut = `${JSON.stringify({ ...(cutTexts(record, chars) as object), truncated: true })}\n`;
    if (Buffer.byteLength(cut) <= LINE.value) return cut;
  }
  const least: Record<string, unknown> = {};
  for (const key of [...KEPT, 'message']) {
    if (record[key] !== undefined) least[key] = String(record[key]).slice(0, 200).toWellFormed();
  }
  return `${JSON.stringify({ ...least, truncated: true })}\n`;
}

function cutTexts(value: unknown, chars: number): unknown {
  if (typeof value === 'string')
    return value.length > chars ? `${value.slice(0, chars).toWellFormed()}…` : value;
  if (Array.isArray(value)) return value.map((entry) => cutTexts(entry, chars));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, cutTexts(entry, chars)]));
}
