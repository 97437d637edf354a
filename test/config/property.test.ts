/** Without this some odd file would end Matrix with a stack trace instead of a sentence. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { draftSettings } from '../../src/config/load.js';
import { MatrixError } from '../../src/contract/errors.js';
import { optionsFor, tempDir } from './fixture.js';

/** Keys that mean something, so that the odd values get deep inside, and some that do not. */
const KEYS = [
  'matrix',
  'front',
  'log',
  'http',
  'disk',
  'docker',
  'wan',
  'name',
  'url',
  'port',
  'interval_s',
  'headers',
  'level',
  'target',
];
const key = fc.oneof(
  fc.constantFrom(...KEYS),
  fc.constantFrom('__proto__', 'constructor', 'toString', ''),
  fc.string(),
);
const leaf = fc.oneof(
  fc.string(),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(Infinity),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(key, tie('any'), { maxKeys: 6 }),
  ),
})).any;
const file = fc.dictionary(key, value, { maxKeys: 6 });

async function endsWell(cwd: string, name: string, text: string, env = {}): Promise<void> {
  await writeFile(join(cwd, name), text);
  try {
    const { targets, checkIntervalMs } = await draftSettings({ ...optionsFor(cwd, env), file: name });
    assert.ok(checkIntervalMs >= 1000);
    for (const { name: service, intervalMs, timeoutMs } of targets) {
      assert.ok(service.length > 0 && intervalMs >= 1000 && Number.isFinite(timeoutMs) && timeoutMs > 0);
    }
    assert.equal(new Set(targets.map((target) => target.name)).size, targets.length);
  } catch (error) {
    assert.ok(error instanceof MatrixError, error instanceof Error ? error.stack : String(error));
    assert.doesNotMatch(error.message, /\[object |undefined|NaN at/);
  }
}

test('whatever a file holds, it ends in settings that can run or in a refusal', async (t) => {
  const cwd = await tempDir(t);
  await fc.assert(
    fc.asyncProperty(file, (content) => endsWell(cwd, 'matrix.yaml', stringify(content))),
    { numRuns: 150 },
  );
});

test('so does any text, in both formats', async (t) => {
  const cwd = await tempDir(t);
  const piece = fc.oneof(
    fc.constantFrom(
      '[',
      ']',
      '[[http]]\n',
      '=',
      '"',
      '\n',
      'name',
      ': ',
      '- ',
      '&a ',
      '*a',
      '{',
      '}',
      '1',
      '.',
    ),
    fc.string(),
  );
  const text = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));
  await fc.assert(
    fc.asyncProperty(text, fc.constantFrom('matrix.toml', 'matrix.yaml'), (content, name) =>
      endsWell(cwd, name, content),
    ),
    { numRuns: 150 },
  );
});

test('so does any environment', async (t) => {
  const cwd = await tempDir(t);
  const names = [
    'MATRIX_PORT',
    'MATRIX_CHECK_INTERVAL',
    'MATRIX_HOST',
    'MATRIX_DATABASE_URL',
    'MATRIX_JWT_SECRET',
    'MATRIX_LAN_GATEWAY',
    'MATRIX_WAN_TARGET',
    'MATRIX_ALLOWED_HOSTS',
    'MATRIX_LOG_LEVEL',
    'MATRIX_DATA_DIR',
  ];
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('-1', '1e999', 'NaN', '0x10', '99999999999999999999', 'Infinity'),
  );
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.constantFrom(...names), text), (env) =>
      endsWell(cwd, 'matrix.toml', '', env),
    ),
    { numRuns: 100 },
  );
});
