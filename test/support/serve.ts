/** The entry that the tests' processes run: Matrix as `matrix serve` runs it. */
import { run } from '../../src/main.js';

process.exit(await run());
