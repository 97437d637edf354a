/** Removes what a killed engine leaves behind: shims and containers still running, mounts, cgroups, files. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Ends every process of the engine at `root` with its cgroup `cgroup`, unmounts what it mounted and deletes its
 * files. Synchronous, so that it also works while the test process exits. Both names are unique to one test, so
 * nothing else can match.
 */
export function sweep(root: string, cgroup: string): void {
  // A killed shim's container shows up on the next round only when it was being started; three rounds suffice.
  for (let round = 0; round < 3; round += 1) {
    const left = processesOf(root, cgroup);
    if (left.length === 0) break;
    for (const pid of left) kill(pid);
  }
  for (const mount of mountsBelow(root)) spawnSync('umount', ['-l', mount]);
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  removeCgroups(cgroup);
}

function processesOf(root: string, cgroup: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => pid !== process.pid)
    .filter(
      (pid) => read(`/proc/${pid}/cmdline`).includes(root) || read(`/proc/${pid}/cgroup`).includes(cgroup),
    );
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended between being listed and being killed.
  }
}

/** Deepest first, so that none is below another one still mounted. */
function mountsBelow(root: string): string[] {
  return mountLines()
    .map((fields) => fields[4] ?? '')
    .filter((mount) => mount.startsWith(`${root}/`))
    .reverse();
}

function removeCgroups(cgroup: string): void {
  const hierarchies = mountLines()
    .filter((fields) => /^cgroup2?$/.test(fields[fields.indexOf('-') + 1] ?? ''))
    .map((fields) => fields[4] ?? '');
  for (const hierarchy of hierarchies) removeCgroup(join(hierarchy, cgroup));
}

/** A cgroup is removed by `rmdir` although it has files in it; `rm -r` cannot do it. */
function removeCgroup(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(join(path, entry.name));
    }
    rmdirSync(path);
  } catch {
    // Not in this hierarchy, or its last process is still being reaped: an empty directory stays, no more.
  }
}

function mountLines(): string[][] {
  return read('/proc/self/mountinfo')
    .split('\n')
    .map((line) => line.split(' '));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
