import { setTimeout as sleep } from 'node:timers/promises';

/** Pause between two looks at a file or process that cannot wake us. */
const LOOK_EVERY_MS = 10;

/** Looks until `done` says true; false when `limitMs` passed first. */
export async function waitUntil(done: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    if (await done()) return true;
    if (performance.now() >= deadline) return false;
    await sleep(LOOK_EVERY_MS);
  }
}
