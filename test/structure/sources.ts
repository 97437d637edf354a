/** The source files of the house, for tests that hold its shape to its rules. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface Source {
  /** From the root of the package, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Every TypeScript file below these folders. */
export function sources(folders: readonly string[] = ['src', 'workers', 'schema']): Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .map((name) => join(folder, name))
      .sort()
      .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') })),
  );
}

export interface Import {
  /** Path from the root for a relative import, else the package's name. */
  readonly to: string;
  readonly relative: boolean;
  /** Gone after compiling: `import type`. */
  readonly typeOnly: boolean;
}

const IMPORT =
  /^(?:import|export)\s+(type\s+)?(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"`]([^'"`]+)['"`]/gm;

/** What a file imports, statically and at run time. */
export function importsOf({ path, text }: Source): Import[] {
  return [...text.matchAll(IMPORT)].map((match) => {
    const [, type, fixed, dynamic] = match;
    const named = fixed ?? dynamic ?? '';
    const isRelative = named.startsWith('.');
    const to = isRelative ? relative(ROOT, join(ROOT, dirname(path), named)) : packageOf(named);
    return { to, relative: isRelative, typeOnly: type !== undefined };
  });
}

function packageOf(name: string): string {
  if (name.startsWith('node:')) return name;
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}
