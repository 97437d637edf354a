/** Lost if this fails: a system that cannot run the web server gets a linker's stack trace instead of a sentence. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE_ROOT } from '../../src/config/paths.js';
import { hostCheck } from '../../src/front/http/hosts.js';
import { OPERATIONS } from '../../src/front/operations/registry.js';
import { unsupportedSentence } from '../../src/front/uws.js';

test('a glibc that is too old is named', () => {
  const said = `This version supports only …\n\nError: /lib/libc.so.6: version \`GLIBC_2.38' not found`;
  assert.match(unsupportedSentence(said), /needs glibc 2\.38 with Node\.js \d+.*older one/);
  assert.match(unsupportedSentence('a\n\nError: no such module'), /does not load.*no such module/);
});

test('only names that cannot be somebody else’s are taken as Matrix’s own', () => {
  const allowed = hostCheck(['Board.Example.org', 'matrix-mcp']);
  for (const host of [
    'localhost',
    'LOCALHOST:3910',
    'a.localhost',
    '127.0.0.1:1',
    '[::1]',
    '::1',
    '10.0.0.8',
  ]) {
    assert.ok(allowed(host), host);
  }
  for (const host of ['board.example.org:443', 'board.example.org.', 'matrix-mcp:3910'])
    assert.ok(allowed(host), host);
  for (const host of ['', 'example.org', 'localhost.example.org', '127.0.0.1.example.org', '[::1].example']) {
    assert.ok(!allowed(host), host);
  }
});

test('every operation is documented with its route, role, tool and command', async () => {
  const text = await readFile(join(PACKAGE_ROOT, 'ops', 'api.md'), 'utf8');
  for (const { name, rest, scope, mcp, cli } of OPERATIONS) {
    const line = text.split('\n').find((row) => row.startsWith(`| \`${name}\` |`)) ?? '';
    const tool = mcp === null ? 'no' : 'yes';
    for (const part of [`\`${rest.method} ${rest.path}\``, scope, tool, `\`matrix ${cli.command}`]) {
      assert.ok(line.includes(part), `ops/api.md does not say ${part} of ${name}`);
    }
  }
  const documented = [...text.matchAll(/^\| `([a-z_]+)` \| `(?:GET|POST|DELETE) /gm)].map(
    (match) => match[1],
  );
  assert.deepEqual(documented.sort(), OPERATIONS.map(({ name }) => name).sort());
});
