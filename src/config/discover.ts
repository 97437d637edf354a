/**
 * What a machine without a config has that is worth watching: its disks, its Docker engine, Matrix itself, and the
 * uplink once the environment names a part of it. Looks only at this machine; sends nothing.
 */
import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { LIMITS } from '../contract/limits.js';
import type { EnvConfig } from './environment.js';
import type { Suggestion } from './sections.js';

const DEFAULT_DOCKER_SOCKET = '/var/run/docker.sock';
/** Read-only images; full by nature. */
const IMAGE_TYPES = ['squashfs', 'iso9660', 'udf', 'erofs', 'cramfs'];

export interface DiscoverOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly envConfig: EnvConfig;
  readonly front: { readonly host: string; readonly port: number };
  /** Families to look for; those with a section in the file are not among them. */
  readonly families: readonly string[];
}

export interface Discovery {
  readonly suggestions: readonly Suggestion[];
  readonly warnings: readonly string[];
}

/** Finds targets for each of `families` that it knows how to look for. Never throws: what cannot be read is not there. */
export async function discover(options: DiscoverOptions): Promise<Discovery> {
  const warnings: string[] = [];
  const found: Suggestion[] = [];
  for (const path of await findDisks()) {
    found.push({ family: 'disk', raw: { name: `disk ${path}`, path } });
  }
  const docker = await findDockerSocket(options.env['DOCKER_HOST']);
  if (docker.warning !== undefined && options.families.includes('docker')) warnings.push(docker.warning);
  if (docker.socket !== undefined)
    found.push({ family: 'docker', raw: { name: 'docker', socket: docker.socket } });
  const url = selfUrl(options.front);
  if (url !== undefined) found.push({ family: 'http', raw: { name: 'matrix', url } });
  if (options.envConfig.wan['gateway'] !== undefined || options.envConfig.wan['target'] !== undefined) {
    found.push({ family: 'wan', raw: { name: 'wan' } });
  }
  return { suggestions: found.filter(({ family }) => options.families.includes(family)), warnings };
}

/** Where Matrix answers about itself; undefined while the port is not known before it listens. */
function selfUrl({ host, port }: { host: string; port: number }): string | undefined {
  if (port === 0) return undefined;
  const everywhere = ['0.0.0.0', '::', '', 'localhost'].includes(host);
  const address = everywhere ? '127.0.0.1' : isIPv6(host) ? `[${host}]` : host;
  return `http://${address}:${port}/health/ready`;
}

async function findDockerSocket(dockerHost = ''): Promise<{ socket?: string; warning?: string }> {
  const socket = dockerHost === '' ? DEFAULT_DOCKER_SOCKET : /^unix:\/\/(\/.+)$/.exec(dockerHost)?.[1];
  if (socket === undefined) {
    return {
      warning: 'DOCKER_HOST is no unix socket, so no engine is watched; name it in a [[docker]] section',
    };
  }
  try {
    if (!(await stat(socket)).isSocket()) return {};
  } catch {
    return {};
  }
  return access(socket, constants.R_OK | constants.W_OK).then(
    () => ({ socket }),
    () => ({
      warning: `${socket} is not watched: this user may not use it (its group is usually \`docker\`)`,
    }),
  );
}

async function findDisks(): Promise<string[]> {
  const mounts = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
  const directories = new Set<string>();
  for (const { path } of candidateMounts(mounts)) {
    // Containers have single files such as /etc/hosts mounted from the host's disk.
    const isDirectory = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (isDirectory) directories.add(path);
  }
  return diskPaths(mounts, (path) => directories.has(path));
}

interface Mount {
  readonly device: string;
  readonly path: string;
}

/**
 * Mount points of real filesystems in the text of `/proc/self/mounts` (fstab(5)): `/` always, then one for each
 * block device or ZFS dataset, its shortest. Left out: memory and network filesystems, overlays, read-only images.
 */
export function diskPaths(mounts: string, isDirectory: (path: string) => boolean): string[] {
  const candidates = candidateMounts(mounts).filter(({ path }) => isDirectory(path));
  const shortest = new Map<string, string>();
  for (const { device, path } of candidates) {
    const known = shortest.get(device);
    if (known === undefined || path.length < known.length) shortest.set(device, path);
  }
  return [...new Set(['/', ...[...shortest.values()].sort()])].slice(0, LIMITS.discovered_disks.value);
}

function candidateMounts(mounts: string): Mount[] {
  return mounts.split('\n').flatMap((line) => {
    const [device = '', path = '', type = ''] = line.split(' ').map(unescapeMount);
    const isBlock =
      device.startsWith('/dev/') && !device.startsWith('/dev/loop') && !device.startsWith('/dev/fuse');
    return path !== '' && (isBlock || type === 'zfs') && !IMAGE_TYPES.includes(type)
      ? [{ device, path }]
      : [];
  });
}

/** Spaces, tabs, newlines and backslashes are written in octal: `\040`. */
function unescapeMount(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
