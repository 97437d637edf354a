/** Without these the documentation and editors would promise keys that Matrix refuses. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import * as ajvFormats from 'ajv-formats';
import { parse } from 'yaml';
import { CORE_SECTIONS } from '../../schema/config.js';
import { ENV_KEYS } from '../../src/config/environment.js';
import { loadFamilies } from '../../src/config/families.js';
import { configJsonSchema } from '../../src/config/json-schema.js';
import { PACKAGE_ROOT } from '../../src/config/paths.js';
import { renderReference } from '../../src/config/reference.js';
import { families } from './fixture.js';

const HOW = 'run `node dist/src/config/publish.js`';

test('the reference tells every key and variable as the schemas have them', async () => {
  const page = await readFile(join(PACKAGE_ROOT, 'ops', 'config.md'), 'utf8');
  assert.equal(page, renderReference(page, await loadFamilies()), HOW);
  for (const schema of Object.values(CORE_SECTIONS)) {
    for (const key of Object.keys(schema.properties)) assert.ok(page.includes(`| \`${key}\` |`), key);
  }
});

test('the published schema for editors is the one that Matrix checks with', async () => {
  const text = await readFile(join(PACKAGE_ROOT, 'ops', 'matrix.schema.json'), 'utf8');
  assert.deepEqual(JSON.parse(text), configJsonSchema(await loadFamilies()), HOW);
});

test('an editor accepts what Matrix accepts and marks what it refuses', () => {
  const ajv = new Ajv({ strict: false });
  ajvFormats.default.default(ajv);
  const validate = ajv.compile(configJsonSchema(families));
  const judge = (text: string) => validate(parse(text));
  assert.ok(
    judge('matrix: { customer_id: x }\nhttp: [{ name: a, url: "http://127.0.0.1/" }]\nwan: { target: x }\n'),
  );
  assert.ok(judge('front: {}\n'));
  for (const bad of [
    'http: [{ name: a }]',
    'http: [{ url: x }]',
    'matrix: { x: 1 }',
    'other: 1',
    'front: { port: a }',
  ]) {
    assert.equal(judge(bad), false, bad);
  }
});

test('every variable sets a key that exists', () => {
  for (const [name, [section, key]] of Object.entries(ENV_KEYS)) {
    assert.ok(Object.hasOwn(CORE_SECTIONS[section].properties, key), name);
  }
});
