#!/usr/bin/env node
/**
 * Runs the compiled tests with Node's own runner; its summary comes last and its exit code is the one of this script.
 * Words after the command choose files: `npm test -- front writer/batch` runs those whose path contains one of them.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Node 20 applies its timeout to a whole file; the slowest take about a minute on a busy machine. */
const FILE_TIMEOUT_MS = 300_000;
/** Most tests wait for real servers; more at once only makes all of them slower on two cores. */
const FILES_AT_ONCE = 2;

const words = process.argv.slice(2);
const files = readdirSync(join(ROOT, 'dist', 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .sort()
  .map((name) => join('dist', 'test', name));

if (files.length === 0) {
  console.error(`no test file matches ${words.join(' or ')}`);
  process.exit(1);
}
const options = [
  '--test-reporter=spec',
  `--test-concurrency=${FILES_AT_ONCE}`,
  `--test-timeout=${FILE_TIMEOUT_MS}`,
];
const runner = spawn(process.execPath, ['--test', ...options, ...files], { cwd: ROOT, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // The terminal signals the whole group; anyone else only this process.
  process.on(signal, () => runner.kill(signal));
}
runner.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1;
});
