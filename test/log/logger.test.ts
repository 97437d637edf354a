/** Without these logs could not be searched by their fields, or would tell secrets to everyone who reads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineStream } from '../../src/log/line-stream.js';
import { createLoggerHandle, type LoggerOptions } from '../../src/log/logger.js';

type Line = Record<string, unknown> & { error?: Record<string, unknown> };

function logger(options: Partial<LoggerOptions> = {}) {
  let text = '';
  const { logger: log } = createLoggerHandle({
    service: 'main',
    level: 'debug',
    format: 'json',
    base: { customer_id: 'axe', node: 'n1' },
    write: (bytes) => {
      text += bytes.toString();
      return bytes.length;
    },
    ...options,
  });
  const lines = () =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
  return { log, lines, text: () => text };
}

test('a line is one JSON object with the fields that operators search by', () => {
  const { log, lines } = logger();
  log.debug('a');
  log.info({ request_id: 'r1', attempt: 2 }, 'b');
  log.warn('c');
  log.child({ target: 'api' }).error('d');
  log.fatal('e');
  const seen = lines();
  assert.deepEqual(
    seen.map(({ level }) => level),
    ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'],
  );
  const { timestamp, ...rest } = seen[1] ?? {};
  assert.deepEqual(rest, {
    level: 'INFO',
    service: 'main',
    customer_id: 'axe',
    node: 'n1',
    request_id: 'r1',
    attempt: 2,
    message: 'b',
  });
  assert.equal(new Date(String(timestamp)).toISOString(), timestamp);
  assert.equal(seen[3]?.['target'], 'api');
});

test('levels below the set one are not written', () => {
  const { log, text } = logger({ level: 'warn' });
  log.info('no');
  assert.equal(text(), '');
});

test('secrets do not get into a line, wherever they stand', () => {
  const { log, text } = logger();
  const url = 'postgres://u:hunter2@h/db';
  log.info(
    { password: 'hunter2', jwtSecret: 'hunter2', database_url: 'hunter2', n: { api_key: 'hunter2' } },
    'x',
  );
  log.info(
    { headers: { Authorization: 'Bearer hunter2', cookie: 'hunter2' }, list: [{ token: 'hunter2' }] },
    'x',
  );
  log.child({ secret: 'hunter2' }).info('x');
  log.info({ url }, `connecting to ${url}`);
  log.error(Object.assign(new Error(`failed: ${url}`, { cause: new Error(url) }), { password: 'hunter2' }));
  log.info({ map: new Map([['token', 'hunter2']]) }, 'x');
  assert.doesNotMatch(text(), /hunter2/);
  assert.match(text(), /postgres:\/\/u:\*\*\*@h\/db/);
});

test('an error keeps type, message, code, stack and cause, and speaks for itself', () => {
  const { log, lines } = logger();
  log.error(Object.assign(new TypeError('boom', { cause: new Error('why') }), { code: 'MX_INTERNAL' }));
  const [line] = lines();
  assert.equal(line?.['message'], 'boom');
  const { type, code, cause, stack } = line?.error ?? {};
  assert.deepEqual([type, code, (cause as Line)['message']], ['TypeError', 'MX_INTERNAL', 'why']);
  assert.match(String(stack), /TypeError: boom\n/);
});

test('values that cannot be written end in a line, not in an exception', () => {
  const { log, lines } = logger();
  const circular: Record<string, unknown> = {
    big: 10n,
    sym: Symbol('s'),
    f: () => 1,
    date: new Date(Number.NaN),
  };
  circular['self'] = circular;
  Object.defineProperty(circular, 'bad', { enumerable: true, get: () => assert.fail('getter') });
  let deep: object = {};
  for (let level = 0; level < 1000; level++) deep = { deep };
  log.info({ circular, deep, toJSON: () => assert.fail('toJSON'), bytes: Buffer.alloc(10) }, 'x\ud800\0');
  assert.equal(lines().length, 1);
});

test('a long line is cut to what a pipe takes whole, and stays readable', () => {
  const { log, lines, text } = logger();
  log.error({ stack: 'ä'.repeat(50_000), id: 'kept' }, 'm'.repeat(50_000));
  log.info(
    Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`key${index}`, 'value'.repeat(9)])),
    'many',
  );
  for (const raw of text().trimEnd().split('\n')) assert.ok(Buffer.byteLength(raw) < 4096);
  const [long, many] = lines();
  assert.equal(long?.['id'], 'kept');
  assert.deepEqual([long?.['truncated'], many?.['truncated']], [true, true]);
  assert.deepEqual(
    [many?.['level'], many?.['service'], many?.['customer_id'], many?.['message']],
    ['INFO', 'main', 'axe', 'many'],
  );
});

test('pretty lines cannot be used to forge others or to move the cursor', () => {
  const { log, text } = logger({ format: 'pretty' });
  log.warn({ from: 'evil\u001b[2J' }, 'hello \u001b[31mred\u202e');
  log.error(new Error('boom\u001b[2J'));
  for (const hostile of ['\u001b[2J', '\u001b[31m', '\u202e']) assert.ok(!text().includes(hostile));
  assert.match(text(), /WARNING: main: hello/);
});

test('a pretty line has the name of its event: the runbook is searched by it', () => {
  const { log, text } = logger({ format: 'pretty' });
  log.warn({ event: 'database_down' }, 'the database is down');
  log.warn({ event: 'evil\u001b[2J' }, 'x');
  assert.match(text(), /WARNING: main: the database is down \[database_down\]/);
  assert.ok(!text().includes('\u001b[2J'));
});

test('a write that is cut goes on where it stopped, and drops are told once it flows again', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let taken = '';
  let room = 3;
  const stream = new LineStream(
    (bytes) => {
      if (room === 0) throw Object.assign(new Error('full'), { code: 'EAGAIN' });
      const part = bytes.subarray(0, room);
      room -= part.length;
      taken += part.toString();
      return part.length;
    },
    (count) => `dropped ${count}\n`,
  );
  stream.write('first\n');
  stream.write(`${'x'.repeat(1024 * 1024 - 5)}\n`);
  stream.write('too much\n');
  stream.write('more\n');
  assert.equal(taken, 'fir');
  room = Number.MAX_SAFE_INTEGER;
  t.mock.timers.tick(1_000);
  assert.ok(taken.startsWith('first\nxxx'));
  assert.ok(taken.endsWith(`x\ndropped ${stream.dropped}\n`));
  stream.write('again\n');
  assert.ok(taken.endsWith('\nagain\n'));
  assert.ok(stream.dropped > 0);
});
