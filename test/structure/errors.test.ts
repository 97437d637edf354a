/** An error that is shown to somebody is explained somewhere, and nothing is explained that cannot happen. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ERRORS } from '../../src/contract/errors.js';
import { ROOT, sources } from './sources.js';

const rows = readFileSync(join(ROOT, 'ops/errors.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `MX_'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

test('every code of the list is in ops/errors.md once, with its status, a meaning and a way out', () => {
  assert.deepEqual(rows.map((row) => row[1]?.replaceAll('`', '')).sort(), Object.keys(ERRORS).sort());
  for (const [, code = '', status, meaning = '', next = ''] of rows) {
    const known = ERRORS[code.replaceAll('`', '') as keyof typeof ERRORS];
    assert.equal(Number(status), known.status, code);
    assert.ok(meaning.length > 20 && next.length > 10, `${code} is explained`);
  }
});

test('no code is raised that is not in the list', () => {
  for (const { path, text } of sources()) {
    for (const [code] of text.matchAll(/\bMX_[A-Z_]*[A-Z]\b/g))
      assert.ok(code in ERRORS, `${code} in ${path}`);
  }
});

test('no code is listed that nothing raises', () => {
  const raised = sources()
    .filter(({ path }) => path !== 'src/contract/errors.ts')
    .map(({ text }) => text)
    .join('\n');
  for (const code of Object.keys(ERRORS)) assert.ok(raised.includes(code), `${code} is never raised`);
});
