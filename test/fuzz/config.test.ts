/** Lost if this fails: a damaged config file ends Matrix with a stack trace, stops it for minutes, or poisons its objects. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { type Families, loadFamilies } from '../../src/config/families.js';
import { draftSettings } from '../../src/config/load.js';
import { parseDocument } from '../../src/config/parse.js';
import { PACKAGE_ROOT } from '../../src/config/paths.js';
import { ConfigError } from '../../src/config/problem.js';
import { MatrixError } from '../../src/contract/errors.js';
import { LIMITS } from '../../src/contract/limits.js';
import { runs } from './support/runs.js';

/** Ten times what loading takes at most on a machine that does nothing else. */
const HANG_MS = 20_000;

let dir: string;
let families: Families;
let toml: readonly string[];
let yaml: readonly string[];
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'matrix-fuzz-'));
  families = await loadFamilies();
  const pages = ['README.md', ...[...families.keys()].map((name) => `ops/families/${name}.md`)];
  const texts = await Promise.all(pages.map((page) => readFile(join(PACKAGE_ROOT, page), 'utf8')));
  toml = texts.flatMap((text) => [...text.matchAll(/```toml\n(.*?)```/gs)].map(([, block = '']) => block));
  yaml = [
    'matrix: &m\n  check_interval_s: 30\nfront: {port: 3910, allowed_hosts: [a.example]}\n',
    'http:\n  - &h\n    name: shop\n    url: "https://shop.example.org/health"\n    headers: {x: "1"}\n  - *h\n',
    JSON.stringify({ disk: [{ name: 'root', path: '/', warn_percent: 80 }], wan: { gateway: '127.0.0.1' } }),
  ];
  assert.ok(toml.length > 3, 'the pages have examples');
});
after(() => rm(dir, { recursive: true, force: true }));

/** Loads it; whatever it holds, it works or is refused by name and place, soon, and leaves no trace. */
async function load(name: string, bytes: Uint8Array): Promise<string> {
  const file = join(dir, name);
  await writeFile(file, bytes);
  const env = { HOME: dir, DOCKER_HOST: `unix://${join(dir, 'no.sock')}` };
  const startedAt = performance.now();
  try {
    const { targets } = await draftSettings({ cwd: dir, families, env, file });
    for (const { config } of targets) assert.equal(Object.getPrototypeOf(config), Object.prototype);
    return 'loaded';
  } catch (error) {
    assert.ok(error instanceof MatrixError, error instanceof Error ? error.stack : String(error));
    assert.match(error.code, /^MX_(CONFIG_INVALID|CONFIG_UNREADABLE|SECRET_WEAK|SECRET_MISSING)$/);
    assert.ok(error.message.length < 100_000, `a message of ${error.message.length} characters`);
    if (error instanceof ConfigError) {
      for (const { file: of, line } of error.problems)
        assert.ok(of === null || (line ?? 0) >= 1, error.message);
    }
    return error.message;
  } finally {
    assert.ok(performance.now() - startedAt < HANG_MS, 'it takes too long');
    assert.deepEqual(Object.keys(Object.prototype), []);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  }
}

const token = fc.constantFrom(
  ...[
    '__proto__',
    'constructor',
    'prototype',
    '[__proto__]\npolluted = 1\n',
    '__proto__: {polluted: 1}\n',
    'a.__proto__.polluted = 1\n',
  ],
  ...[
    '\0',
    '\ufeff',
    '\r',
    '\t',
    '\u2028',
    '&a ',
    '*a',
    '<<: *a\n',
    '!!js/function x',
    '!!binary =',
    '%YAML 1.1\n',
    '---\n',
    '...\n',
  ],
  ...[
    '"',
    "'",
    '"""',
    "'''",
    '[',
    ']',
    '{',
    '}',
    '[[',
    ']]',
    '=',
    ': ',
    '- ',
    '? ',
    '| ',
    '>',
    '#',
    ',',
    '.',
  ],
  ...[
    '9'.repeat(400),
    '1e999',
    '-0',
    'nan',
    'inf',
    '0x',
    '1979-05-27',
    '0o17',
    '12:30:00',
    '[http]\n',
    '[[http]]\n',
    'http: 1\n',
  ],
);
type Edit = readonly [at: number, remove: number, insert: Uint8Array];
const edit: fc.Arbitrary<Edit> = fc.tuple(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0, 0, 1, 3, 40),
  fc.oneof(
    token.map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 3 }),
    // Lone halves of characters, and what UTF-8 has no meaning for.
    fc.constantFrom(Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xff, 0xfe]), Buffer.from([0xc3])),
  ),
);

function edited(text: string, edits: readonly Edit[]): Buffer {
  let bytes = Buffer.from(text);
  for (const [at, remove, insert] of edits) {
    const start = Math.floor(at * bytes.length);
    bytes = Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + remove)]);
  }
  return bytes;
}

test('examples with bytes changed, cut out and put in load, or are refused by line', async () => {
  const edits = fc.array(edit, { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.nat(), edits, async (isToml, pick, changes) => {
      const examples = isToml ? toml : yaml;
      await load(isToml ? 'a.toml' : 'a.yaml', edited(examples[pick % examples.length] ?? '', changes));
    }),
    runs(150),
  );
});

test('files in other encodings are refused, or read where they are UTF-8 after all', async () => {
  const text = toml[0] ?? '';
  assert.match(await load('a.toml', Buffer.from(`\ufeff${text}`, 'utf16le')), /not UTF-8/);
  assert.doesNotMatch(await load('a.toml', Buffer.from(`\ufeff${text}`)), /UTF-8/);
  assert.match(await load('a.toml', Buffer.from('x = "\0"\n')), /a\.toml:1/);
});

/** What takes a parser's time or memory: `size` is about its number of characters. */
const BOMBS: Readonly<Record<string, (size: number) => string>> = {
  'brackets.toml': (size) => `a=${'['.repeat(size)}`,
  'tables.toml': (size) => `a=${'{a='.repeat(size / 3)}`,
  'array.toml': (size) => `a=[${'1,'.repeat(size / 2)}]`,
  'dotted.toml': (size) => `a${'.a'.repeat(size / 2)}=1`,
  'string.toml': (size) => `a="${'x'.repeat(size)}`,
  'number.toml': (size) => `a=${'9'.repeat(size)}`,
  'keys.toml': (size) => Array.from({ length: size / 12 }, (_, index) => `k${index} = 1\n`).join(''),
  'headers.toml': (size) => Array.from({ length: size / 12 }, (_, index) => `[a.b${index}]\n`).join(''),
  'brackets.yaml': (size) => `a: ${'['.repeat(size)}`,
  'maps.yaml': (size) => '{a: '.repeat(size / 4),
  'dashes.yaml': (size) => '- '.repeat(size / 2),
  'keys.yaml': (size) => Array.from({ length: size / 9 }, (_, index) => `k${index}: 1\n`).join(''),
  'same.yaml': (size) => 'k: 1\n'.repeat(size / 5),
  'closing.yaml': (size) => `a: [${'}'.repeat(size)}`,
  'documents.yaml': (size) => '---\n'.repeat(size / 4),
  'tags.yaml': (size) => `a: [${'!!x 1,'.repeat(size / 6)}]`,
  'lines.yaml': (size) => '\n'.repeat(size),
  'aliases.yaml': (size) => {
    const levels = Array.from(
      { length: 12 },
      (_, index) => `a${index + 1}: &a${index + 1} [${`*a${index},`.repeat(9)}]\n`,
    );
    return `a0: &a0 [x]\n${levels.join('')}z: "${'x'.repeat(size / 2)}"\n`;
  },
};

test('files made to take time and memory end soon', async () => {
  for (const [name, make] of Object.entries(BOMBS)) {
    await load(name, Buffer.from(make(LIMITS.config_marks.value / 12)));
  }
  for (const name of ['brackets.toml', 'string.toml', 'number.toml', 'keys.yaml', 'aliases.yaml']) {
    await load(name, Buffer.from(BOMBS[name]?.(10 * 1024 * 1024) ?? ''));
  }
  assert.match(await load('big.toml', Buffer.alloc(LIMITS.config_file.value + 1, '#')), /larger than \d+/);
  const { problems } = parseDocument('marks.toml', '\n'.repeat(LIMITS.config_marks.value + 1));
  assert.match(problems[0]?.message ?? '', /expected at most \d+ lines, commas/);
  const [deep] = parseDocument('deep.toml', `a${'.a'.repeat(1_000)}=1`).problems;
  assert.equal(deep?.path.length, LIMITS.config_path.value);
  const complaints = parseDocument('closing.yaml', `a: [${'}'.repeat(1_000)}`).problems;
  assert.equal(complaints.length, LIMITS.config_syntax_errors.value);
});
