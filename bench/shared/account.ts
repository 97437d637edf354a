import { execFileSync } from 'node:child_process';
import { CannotRun } from '../harness/bench.js';

/** Whom PostgreSQL can run as: null when this process can run it itself, which root cannot. */
export function databaseAccount(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  try {
    const id = (flag: string): number =>
      Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: 'pipe' }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    throw new CannotRun('PostgreSQL does not run as root, and there is no user "postgres"');
  }
}
