#!/usr/bin/env node
/**
 * `npm start`: builds if needed, then becomes `matrix serve` in this same process. No process stands between npm and
 * Matrix, so signals arrive without a relay and the exit code is Matrix's own. (On Ctrl-C the terminal and npm both
 * signal this process; Matrix takes the second one for what it is, a repetition.)
 */
import { build } from './build.mjs';

try {
  await build();
  process.argv.splice(2, 0, 'serve');
  await import('./matrix.mjs');
} catch (error) {
  console.error(`start: ${error.message}`);
  process.exitCode = 1;
}
