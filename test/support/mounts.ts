/** Real filesystems for tests. All need root; `mountRefusal` says why they cannot be had. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestMount {
  readonly path: string;
  unmount(): void;
}

/** Mounts an empty tmpfs with these options (`size=1m,nr_inodes=100`). */
export function mountTmpfs(options: string): TestMount {
  const path = mkdtempSync(join(tmpdir(), 'matrix-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'matrix-test', path], { stdio: 'pipe' });
  return { path, unmount: () => unmount(path) };
}

/** Why this machine lets no test mount anything; undefined when it does. */
export function mountRefusal(): string | undefined {
  if (process.getuid?.() !== 0) return 'mounting needs root';
  try {
    mountTmpfs('size=64k').unmount();
    return undefined;
  } catch (error) {
    return `no tmpfs can be mounted here: ${String(error)}`;
  }
}

/**
 * Mounts a filesystem that never answers, as a network mount whose server is gone: a FUSE mount whose daemon
 * (this process) reads no request. Unmounting ends all that waits on it. Throws where FUSE is missing.
 */
export async function mountSilent(): Promise<TestMount> {
  const device = openSync('/dev/fuse', 'r+');
  const path = mkdtempSync(join(tmpdir(), 'matrix-silent-'));
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
  const mount = spawn('mount', ['-i', '-t', 'fuse', '-o', options, 'matrix-test', path], {
    stdio: ['ignore', 'ignore', 'ignore', device],
  });
  const [exit] = await once(mount, 'exit');
  if (exit !== 0) {
    closeSync(device);
    rmdirSync(path);
    throw new Error(`mount ended with ${exit}`);
  }
  return {
    path,
    unmount: () => {
      closeSync(device);
      unmount(path);
    },
  };
}

function unmount(path: string): void {
  execFileSync('umount', ['-l', path], { stdio: 'pipe' });
  rmdirSync(path);
}
