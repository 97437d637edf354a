/** If this fails, somebody looks a code up at night and the runbook does not know it, or knows one that is not there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadFamilies } from '../../src/config/families.js';
import { PACKAGE_ROOT } from '../../src/config/paths.js';
import { ERRORS } from '../../src/contract/errors.js';
import { COMMON_CODES } from '../../src/contract/result.js';

const runbook = readFileSync(join(PACKAGE_ROOT, 'ops', 'runbook.md'), 'utf8');
const [itself = '', targets = ''] = runbook.split('## Targets: codes');

test('every code of every family is in the runbook, and every code in it exists', async () => {
  const families = [...(await loadFamilies()).values()];
  const codes = new Set([
    ...families.flatMap((family) => Object.keys(family.codes)),
    ...Object.keys(COMMON_CODES),
  ]);
  // Codes stand in the first column.
  const rows = [...targets.matchAll(/^\| (`[^|]+) \|/gm)].map(([, cell = '']) => cell);
  const explained = new Set(
    rows.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, code = '']) => code)),
  );
  assert.deepEqual([...explained].sort(), [...codes].sort());
});

test('every error that it names exists', () => {
  const named = [...itself.matchAll(/`(MX_[A-Z_]+)`/g)].map(([, code = '']) => code);
  assert.ok(named.length >= 8);
  assert.deepEqual(
    named.filter((code) => !(code in ERRORS)),
    [],
  );
});

test('its links lead to sections', () => {
  const slugs = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title = '']) =>
    title.toLowerCase().replaceAll(' ', '-'),
  );
  const links = [...runbook.matchAll(/\]\(#([^)]+)\)/g)].map(([, slug = '']) => slug);
  assert.ok(links.length > 3);
  assert.deepEqual(
    links.filter((slug) => !slugs.includes(slug)),
    [],
  );
});
