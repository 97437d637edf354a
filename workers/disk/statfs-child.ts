/**
 * Runs as a process of its own: `node statfs-child.js <path>`. Whatever hangs here, on a mount whose server is
 * gone, hangs alone and can be killed. Writes `{}` when it runs, then one line: the counts and the mount, or
 * the code of the error.
 */
import { readFileSync, realpathSync, statfsSync, writeSync } from 'node:fs';
import { type Mount, mountOf } from './usage.js';

const STDOUT_FD = 1;

function mountFor(path: string): Mount | null {
  try {
    return mountOf(realpathSync(path), readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    // No mount table (not Linux): a fact is missing, the measurement is not.
    return null;
  }
}

function measure(path: string): object {
  try {
    const { type, bsize, blocks, bfree, bavail, files, ffree } = statfsSync(path);
    return { counts: { type, bsize, blocks, bfree, bavail, files, ffree }, mount: mountFor(path) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'EUNKNOWN';
    return { code };
  }
}

writeSync(STDOUT_FD, '{}\n');
writeSync(STDOUT_FD, `${JSON.stringify(measure(process.argv[2] ?? '/'))}\n`);
