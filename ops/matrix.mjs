#!/usr/bin/env node
/** The command `matrix`: runs the compiled code, and says so plainly when there is none yet. */
import { existsSync } from 'node:fs';

const compiled = new URL('../dist/src/cli/main.js', import.meta.url);
if (existsSync(compiled)) {
  const { runProcess } = await import(compiled.href);
  await runProcess();
} else {
  process.stderr.write('matrix: it has not been built yet. Run `npm run build` first.\n');
  process.exitCode = 1;
}
