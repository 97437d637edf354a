/**
 * Runs a test file in a network namespace of its own: fixed ports are free there, and nothing it sends can leave.
 * Needs root and Debian's iproute2; the namespace goes with its last process.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Runs the file with Node's runner and rejects with everything it said when one of its tests fails. */
export async function runInOwnNetwork(t: TestContext, file: URL): Promise<void> {
  const inside = 'ip link set lo up && exec "$@"';
  const node = [process.execPath, '--test-reporter=spec', fileURLToPath(file)];
  const child = spawn('unshare', ['--net', 'sh', '-c', inside, 'sh', ...node], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // The runner tells its children by this variable to speak its own protocol.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  t.signal.addEventListener('abort', () => child.kill('SIGTERM'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`it ended with ${code}:\n${said}`);
  for (const line of said.split('\n').filter((found) => found.includes('✔'))) t.diagnostic(line);
}
