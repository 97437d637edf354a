import { Client } from 'undici';
import type { Side, SideContext } from '../harness/bench.js';
import { bareLoop } from './loop.js';
import { CONCURRENCY, originsOf } from './targets.js';

/**
 * Bare undici, a fresh connection each: a Client a request, which of the ways that undici offers took the least
 * CPU here (against `close()`, and against an Agent with `reset: true`).
 */
export function undiciLoop(context: SideContext): Side {
  const origins = originsOf(context.data);
  return bareLoop(context, CONCURRENCY, async (call) => {
    const client = new Client(origins[call % origins.length] as string);
    const { statusCode, body } = await client.request({ path: '/', method: 'GET' });
    await body.dump();
    await client.destroy();
    if (statusCode !== 200) throw new Error(`status ${statusCode}`);
  });
}
