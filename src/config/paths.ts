/** Where the parts of this package are, whether it runs from a checkout or is installed; found once. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Package {
  readonly root: string;
  readonly version: string;
}

/** The nearest package.json above the compiled code is ours: `dist/` holds none. */
function findPackage(): Package {
  let root = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    try {
      const parsed: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
      if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) {
        return { root, version: String(parsed.version) };
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    const parent = dirname(root);
    if (parent === root) throw new Error('package.json of Matrix was not found above its code');
    root = parent;
  }
}

const found = findPackage();

/** Absolute path of the package's root. */
export const PACKAGE_ROOT = found.root;

/** Version from package.json. */
export const VERSION = found.version;

/** Absolute path of the SQL migrations. */
export const SQL_DIR = join(PACKAGE_ROOT, 'schema', 'sql');

/** Absolute path of the compiled `workers/`: thread entries, and one folder per family. */
export const WORKERS_DIR = fileURLToPath(new URL('../../workers/', import.meta.url));

/** Absolute path of a compiled entry, such as `probe` for `workers/probe.js`. */
export function workerEntry(name: string): string {
  return join(WORKERS_DIR, `${name}.js`);
}
