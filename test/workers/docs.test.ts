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
    assert.deepEqual(firstColumn(page, 'Options'), Object.keys(spec.schema.properties).sort());
    assert.deepEqual(firstColumn(page, 'Codes'), Object.keys(spec.codes).sort());
  });
}

test('every page belongs to a family', () => {
  const pages = readdirSync(DOCS).filter((file) => file.endsWith('.md'));
  assert.deepEqual(pages.map((file) => file.replace(/\.md$/, '')).sort(), [...families].sort());
});

/** The names in backquotes that begin the rows of the table below `## heading`, sorted. */
function firstColumn(page: string, heading: string): string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(section !== undefined, `no section "## ${heading}"`);
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '').sort();
}
