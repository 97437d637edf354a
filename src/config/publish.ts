/**
 * Writes what is made from the schemas: the tables of `ops/config.md`, and `ops/matrix.schema.json` for editors; and
 * from the list of limits the tables of `ops/limits.md`. Run as `node dist/src/config/publish.js` after a change of
 * either; a test tells when that was forgotten.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadFamilies } from './families.js';
import { configJsonSchema } from './json-schema.js';
import { renderLimits } from './limits-page.js';
import { PACKAGE_ROOT } from './paths.js';
import { renderReference } from './reference.js';

const families = await loadFamilies();
const page = join(PACKAGE_ROOT, 'ops', 'config.md');
await writeFile(page, renderReference(await readFile(page, 'utf8'), families));
const schema = `${JSON.stringify(configJsonSchema(families), null, 2)}\n`;
await writeFile(join(PACKAGE_ROOT, 'ops', 'matrix.schema.json'), schema);
const limits = join(PACKAGE_ROOT, 'ops', 'limits.md');
await writeFile(limits, renderLimits(await readFile(limits, 'utf8')));
