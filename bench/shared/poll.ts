import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Asking takes the CPU from what is being started, so not more often. */
const PAUSE_MS = 5;

/** A port of 127.0.0.1 that is free now: what is killed and started again must come back at the same place. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Asks again and again, on a fresh connection each, until the answer satisfies; rejects after `withinMs`. */
export async function untilAnswers(
  port: number,
  path: string,
  withinMs: number,
  satisfies: (status: number, body: string) => boolean = (status) => status === 200,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    const answer = await get(port, path);
    if (answer !== null && satisfies(answer.status, answer.body)) return;
    await sleep(PAUSE_MS);
  }
  throw new Error(`${path} on port ${port} did not answer as it should within ${withinMs} ms`);
}

/** Null while nobody answers. */
function get(port: number, path: string): Promise<{ status: number; body: string } | null> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      answer.on('error', () => resolve(null));
    });
    asked.on('error', () => resolve(null));
    asked.end();
  });
}
