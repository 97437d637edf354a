/** Lost if this fails: a log line, or a reader that stalls, that takes the memory of the part that writes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../src/contract/limits.js';
import { LineStream } from '../../src/log/line-stream.js';
import { createLoggerHandle } from '../../src/log/logger.js';
import { redact } from '../../src/log/redact.js';

test('log_line: whatever is logged, a line is no longer', () => {
  const lines: Buffer[] = [];
  const write = (bytes: Buffer): number => lines.push(bytes) && bytes.length;
  const { logger } = createLoggerHandle({ service: 'test', level: 'info', format: 'json', write });
  const long = 'ä'.repeat(3 * LIMITS.log_line.value);
  logger.info({ long, list: Array.from({ length: 50 }, () => long) }, long);
  logger.info('x'.repeat(LIMITS.log_line.value - 200));
  assert.equal(lines.length, 2);
  for (const line of lines) assert.ok(line.length <= LIMITS.log_line.value && line.at(-1) === 0x0a);
  assert.ok((lines[1]?.length ?? 0) > LIMITS.log_line.value - 200, 'one that fits is not cut');
});

test('log_waiting: while the reader stalls no more than that waits, and the rest is counted', () => {
  let reads = false;
  let written = 0;
  const stream = new LineStream(
    (bytes) => {
      if (!reads) return 0;
      written += bytes.length;
      return bytes.length;
    },
    (count) => `${count} dropped\n`,
  );
  const line = `${'x'.repeat(999)}\n`;
  const most = Math.floor(LIMITS.log_waiting.value / line.length);
  for (let count = 0; count < most + 10; count += 1) stream.write(line);
  assert.equal(stream.dropped, 10);
  reads = true;
  stream.flushSync();
  assert.equal(written, most * line.length + '10 dropped\n'.length);
});

test('log_depth, log_entries and log_text: what is deep, long or wide is cut and says so', () => {
  const nest = (levels: number): unknown => (levels === 0 ? 'bottom' : { in: nest(levels - 1) });
  const shown = JSON.stringify(redact({ at: nest(LIMITS.log_depth.value - 1), below: nest(20) }));
  assert.match(shown, /"bottom"/);
  assert.match(shown, /\[table\]/);
  const { list, text, fits } = redact({
    list: Array.from({ length: 5 * LIMITS.log_entries.value }, (_, index) => index),
    text: 'x'.repeat(LIMITS.log_text.value + 1),
    fits: 'x'.repeat(LIMITS.log_text.value),
  }) as { list: number[]; text: string; fits: string };
  assert.equal(list.length, LIMITS.log_entries.value);
  assert.equal(text.length, LIMITS.log_text.value);
  assert.ok(text.endsWith('…') && !fits.endsWith('…'));
});

test('log_values: an object that many share is not shown once for each of them', () => {
  let shared: object = { leaf: 1 };
  for (let level = 0; level < 5; level += 1) shared = Array.from({ length: 100 }, () => shared);
  const text = JSON.stringify(redact({ shared }));
  const values = text.match(/"leaf"|\[cut\]/g)?.length ?? 0;
  assert.ok(values <= 6 * LIMITS.log_entries.value + LIMITS.log_values.value, `${values} values are shown`);
  assert.match(text, /\[cut\]/);
});
