import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CORE_SECTIONS } from '../../schema/config.js';
import { MatrixError, messageOf } from '../contract/errors.js';
import type { FamilySpec } from '../contract/family.js';
import { WORKERS_DIR } from './paths.js';

export type Families = ReadonlyMap<string, FamilySpec>;

/**
 * Reads the registry of families, which is the directory itself: every folder with a `spec.js` is one. Loads
 * specs only, never a probe or its driver.
 * @param dir compiled `workers/`
 * @returns specs by name, sorted by name
 * @throws MX_CHILD_SPEC naming the folder and what is wrong with it
 */
export async function loadFamilies(dir: string = WORKERS_DIR): Promise<Families> {
  const entries = await readdir(dir, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const families = new Map<string, FamilySpec>();
  for (const folder of folders.sort()) {
    const specFile = join(dir, folder, 'spec.js');
    if (await exists(specFile)) families.set(folder, await loadFamily(join(dir, folder), folder, specFile));
  }
  return families;
}

async function loadFamily(dir: string, folder: string, specFile: string): Promise<FamilySpec> {
  const refuse = (why: string, cause?: unknown) =>
    new MatrixError('MX_CHILD_SPEC', `family ${folder}: ${why}`, cause === undefined ? {} : { cause });
  let module: { spec?: unknown };
  try {
    module = (await import(pathToFileURL(specFile).href)) as { spec?: unknown };
  } catch (error) {
    throw refuse(`spec.js cannot be loaded: ${messageOf(error)}`, error);
  }
  const spec = module.spec as Partial<FamilySpec> | undefined;
  if (typeof spec !== 'object' || spec === null) throw refuse('spec.js exports no `spec`');
  if (spec.name !== folder)
    throw refuse(`spec.name is ${JSON.stringify(spec.name)}, expected the folder's name`);
  if (Object.hasOwn(CORE_SECTIONS, folder)) throw refuse('this name is a section of the config file');
  if (spec.schema?.type !== 'object') throw refuse('spec.schema is not an object schema');
  if (typeof spec.codes !== 'object') throw refuse('spec.codes is missing');
  if (!(await exists(join(dir, 'probe.js')))) throw refuse('probe.js is missing');
  return spec as FamilySpec;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
