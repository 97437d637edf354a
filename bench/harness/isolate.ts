/**
 * Runs the benchmarks in a network namespace of their own. Tens of thousands of fresh connections then neither
 * meet nor fill the host's table of tracked connections, and nothing can reach beyond loopback.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

const MARK = 'MATRIX_BENCH_ISOLATED';

/** Whether this process is inside already. */
export const isolated = process.env[MARK] === '1';

/** Starts this program again inside and answers its exit code; null where namespaces cannot be made. */
export async function runIsolated(): Promise<number | null> {
  if (spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up']).status !== 0) return null;
  const inside = ['-c', 'ip link set lo up && exec "$@"', 'sh', process.execPath, ...process.argv.slice(1)];
  const child = spawn('unshare', ['--net', 'sh', ...inside], {
    stdio: 'inherit',
    env: { ...process.env, [MARK]: '1' },
  });
  // Ctrl-C reaches the child too, which ends in order; this one only waits for it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => void (signal === 'SIGTERM' && child.kill(signal)));
  }
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
