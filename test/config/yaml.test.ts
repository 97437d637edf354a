/** Without these a YAML file could eat the memory of the machine, or mean something else than it says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDocument } from '../../src/config/parse.js';

const messages = (text: string, name = 'm.yaml') =>
  parseDocument(name, text).problems.map(({ message }) => message);

test('aliases are unfolded, each at its own place', () => {
  const document = parseDocument('m.yaml', 'a: &x { b: [1, two, true] }\nc: *x\n');
  assert.deepEqual(document.root, { a: { b: [1, 'two', true] }, c: { b: [1, 'two', true] } });
  assert.deepEqual(document.placeOf(['c']), { line: 2, column: 1 });
});

test('an alias bomb is refused, quickly and by name', () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 12; level++) {
    lines.push(
      `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
    );
  }
  const found = messages(lines.join('\n'));
  assert.ok(found.some((message) => /aliases that unfold to at most 20000 values, came more/.test(message)));
});

test('aliases without end or without an anchor are refused', () => {
  assert.deepEqual(messages('a: &x [*x]\n'), ['expected an anchor that does not hold itself, came *x']);
  assert.match(messages('a: *nothing\n').join(), /anchor defined above, came \*nothing|Unresolved alias/);
});

test('duplicate keys, unknown tags and a second document are refused', () => {
  assert.deepEqual(messages('a: 1\na: 2\n'), ['Map keys must be unique']);
  assert.match(messages('a: !!js/function "x"\n').join(), /Unresolved tag/);
  assert.match(messages('a: 1\n---\nb: 1\n').join(), /expected one document/);
});

test('`no`, dates and octal-looking numbers mean what YAML 1.2 says', () => {
  const { root, problems } = parseDocument('m.yaml', 'a: no\nb: 2024-01-01\nc: 010\nd: null\n');
  assert.deepEqual([root, problems], [{ a: 'no', b: '2024-01-01', c: 10, d: null }, []]);
});

test('a key named __proto__ is a key like any other in both formats', () => {
  for (const [name, text] of [
    ['m.yaml', '__proto__: { x: 1 }\n'],
    ['m.toml', '__proto__.x = 1\n'],
  ] as const) {
    const { root } = parseDocument(name, text);
    assert.ok(Object.hasOwn(root, '__proto__'));
    assert.equal(Reflect.get({}, 'x'), undefined);
  }
});

test('nesting without end is refused, not a crash', () => {
  for (const name of ['m.yaml', 'm.toml']) {
    for (const depth of [40, 20_000]) {
      const text =
        name === 'm.toml'
          ? `a = ${'['.repeat(depth)}${']'.repeat(depth)}\n`
          : `a: ${'['.repeat(depth)}${']'.repeat(depth)}\n`;
      assert.ok(messages(text, name).length > 0, `${name} at ${depth}`);
    }
    const keys = Array.from({ length: 200 }, (_, index) => `k${index}`);
    assert.ok(name === 'm.yaml' || messages(`[${keys.join('.')}]\nx = 1\n`, name).length > 0);
  }
});

test('tables, lists of tables, inline tables and dotted keys of TOML keep their places', () => {
  const text =
    '[[http]]\nname = "a"\nheaders = { x = "1" }\n\n[[http]]\nname = "b"\nheaders.y = "2"\n[http.more]\nz = 3\n';
  const document = parseDocument('m.toml', text);
  assert.deepEqual(document.problems, []);
  assert.deepEqual(document.root, {
    http: [
      { name: 'a', headers: { x: '1' } },
      { name: 'b', headers: { y: '2' }, more: { z: 3 } },
    ],
  });
  assert.equal(document.placeOf(['http', 0, 'headers', 'x']).line, 3);
  assert.equal(document.placeOf(['http', 1, 'headers', 'y']).line, 7);
  assert.equal(document.placeOf(['http', 1, 'more', 'z']).line, 9);
  assert.equal(document.placeOf(['http', 1, 'absent']).line, 5);
});
