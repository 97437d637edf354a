/** A writer in a process of its own, so that it can be killed in the middle of anything; says how much it stored. */
import { Writer } from '../../src/writer/writer.js';
import { memoryLog } from '../support/log.js';
import { sqlDirectory } from './writer-kit.js';

const writer = new Writer({
  url: process.argv[2] ?? '',
  sqlDirectory,
  customerId: 'axe',
  node: `killed ${process.pid}`,
  cycleMs: 30_000,
  log: memoryLog(),
  onReady: () => undefined,
  onChanges: () => undefined,
  onStats: ({ active, stored }) => process.send?.({ active, stored }),
});
process.on('disconnect', () => process.exit(0));
void writer.run();
