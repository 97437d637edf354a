/** An operator who looks up a code at 3 a.m., or an option, must find it, and find nothing that does not exist. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { FamilySpec } from '../../src/contract/family.js';

const COMPILED = new URL('../../workers/', import.meta.url);
const DOCS = new URL('../../../ops/families/', import.meta.url);

const families = readdirSync(COMPILED).filter((folder) => existsSync(new URL(`${folder}/spec.js`, COMPILED)));

test('there are families', () => {
  assert.ok(families.length >= 3, families.join(' '));
});

for (const family of families) {
  test(`ops/families/${family}.md lists the options and codes of ${family}, all and only those`, async () => {
    const { spec } = (await import(new URL(`${family}/spec.js`, COMPILED).href)) as { spec: FamilySpec };
    const page = readFileSync(new URL(`${family}.md`, DOCS), 'utf8');
    assert.deepEqual(firstColumn(page, 'option'), Object.keys(spec.schema.properties).sort());
    assert.deepEqual(firstColumn(page, 'code'), Object.keys(spec.codes).sort());
  });
}

test('every page belongs to a family', () => {
  const pages = readdirSync(DOCS).filter((file) => file.endsWith('.md'));
  assert.deepEqual(pages.map((file) => file.replace(/\.md$/, '')).sort(), [...families].sort());
});

/** The names in backquotes that begin the rows of the table whose first column is headed `heading`, sorted. */
function firstColumn(page: string, heading: string): string[] {
  const tables = page.split(/\n(?!\|)/).map((block) => block.slice(block.indexOf('\n|') + 1));
  const table = tables.find((rows) => rows.startsWith(`| ${heading} |`));
  assert.ok(table !== undefined, `no table with the column "${heading}" first`);
  return [...table.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '').sort();
}
