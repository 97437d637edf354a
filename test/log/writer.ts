/**
 * A process that logs as Matrix does, for tests that watch it from outside. Modes:
 * `threads N`: N threads log 300 lines of many lengths each, and the main thread too;
 * `flood`: logs far more than may wait, says `done <dropped>` on standard error, and ends with its standard input;
 * `exit`: logs a line and exits at once.
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { createLoggerHandle } from '../../src/log/logger.js';

const LINES = 300;
const FLOOD_LINES = 20_000;

const service = isMainThread ? 'main' : `thread/${workerData}`;
const { logger, dropped } = createLoggerHandle({ service, level: 'info', format: 'json' });

async function manyLengths(): Promise<void> {
  for (let line = 0; line < LINES; line++) {
    logger.info({ line, filler: 'ä'.repeat((line * 37) % 2500) }, 'a line');
    if (line % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function flood(): Promise<void> {
  for (let line = 0; line < FLOOD_LINES; line++) {
    logger.info({ line, filler: 'x'.repeat(200) }, 'flood');
    if (line % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  process.stderr.write(`done ${dropped()}\n`);
  process.stdin.resume();
  await once(process.stdin, 'end');
}

const [mode, count] = process.argv.slice(2);
if (!isMainThread) {
  await manyLengths();
} else if (mode === 'threads') {
  const threads = Array.from({ length: Number(count) }, (_, index) => {
    return new Worker(fileURLToPath(import.meta.url), { workerData: index });
  });
  await Promise.all([manyLengths(), ...threads.map((thread) => once(thread, 'exit'))]);
} else if (mode === 'flood') {
  await flood();
} else {
  logger.info('the last word');
  process.exit(0);
}
