/** Without these a family with a typing mistake would silently not be watched. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadFamilies } from '../../src/config/families.js';
import { createTargetValidator } from '../../src/config/targets.js';
import { createCompiler } from '../../src/config/validator.js';
import { tempDir } from './fixture.js';

const GOOD =
  "export const spec = { name: 'ping', title: 't', codes: {}, schema: { type: 'object', properties: {} } };";

async function workers(t: TestContext, files: Record<string, string>): Promise<string> {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'package.json'), '{"type":"module"}');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(dir, name, '..'), { recursive: true });
    await writeFile(join(dir, name), text);
  }
  return dir;
}

test('every folder with a spec is a family; other folders and files are not', async (t) => {
  const dir = await workers(t, {
    'ping/spec.js': GOOD,
    'ping/probe.js': 'throw new Error("a probe is never loaded here")',
    'shared/util.js': '',
    'front.js': '',
  });
  assert.deepEqual([...(await loadFamilies(dir)).keys()], ['ping']);
});

test('a family that cannot be one is refused by name', async (t) => {
  const cases: [Record<string, string>, RegExp][] = [
    [
      { 'pong/spec.js': GOOD, 'pong/probe.js': '' },
      /family pong: spec\.name is "ping", expected the folder's name/,
    ],
    [{ 'ping/spec.js': GOOD }, /family ping: probe\.js is missing/],
    [
      { 'ping/spec.js': 'export const x = 1;', 'ping/probe.js': '' },
      /family ping: spec\.js exports no `spec`/,
    ],
    [{ 'ping/spec.js': 'syntax error', 'ping/probe.js': '' }, /family ping: spec\.js cannot be loaded/],
    [
      { 'log/spec.js': GOOD.replace('ping', 'log'), 'log/probe.js': '' },
      /family log: this name is a section/,
    ],
    [{ 'ping/spec.js': "export const spec = { name: 'ping' };", 'ping/probe.js': '' }, /spec\.schema is not/],
  ];
  for (const [files, why] of cases) {
    await assert.rejects(loadFamilies(await workers(t, files)), { code: 'MX_CHILD_SPEC', message: why });
  }
});

test('the families of Matrix itself load, and their schemas compile', async () => {
  const families = await loadFamilies();
  assert.ok(families.size > 0);
  const validate = createTargetValidator(families, createCompiler());
  for (const name of families.keys()) {
    const { findings } = validate(name, { name: 'x', no_such_key: 1 }, 30_000);
    assert.ok(
      findings.some(({ path }) => path[0] === 'no_such_key'),
      name,
    );
  }
});

test('a schema that is itself wrong is the family’s fault, and says so', () => {
  const spec = {
    name: 'ping',
    title: 't',
    codes: {},
    schema: { type: 'object', properties: { a: { minimun: 1 } } },
  };
  assert.throws(() => createTargetValidator(new Map([['ping', spec as never]]), createCompiler()), {
    code: 'MX_CHILD_SPEC',
    message: /family ping: spec\.schema is wrong: .*minimun/,
  });
});
