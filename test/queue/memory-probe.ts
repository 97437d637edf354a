/**
 * A process that lives through an outage in quick motion: results come without end, no database, a small spool.
 * Says its heap after a collection, and what became of the results, each time that many more have come.
 */
import { Producer } from '../../src/queue/producer.js';
import { Spool } from '../../src/queue/spool.js';
import { resultOf } from './batch-kit.js';

const [directory = '', rounds = '6', perRound = '40000'] = process.argv.slice(2);
const quiet = (): void => undefined;
const log = { info: quiet, warn: quiet, error: quiet };
const spool = await Spool.open({ directory, maxBytes: 2 * 1024 * 1024 });
const producer = new Producer({ node: 'test', spool, log, onState: quiet });
let made = 0;
for (let round = 0; round < Number(rounds); round += 1) {
  for (let n = 0; n < Number(perRound); n += 200) {
    // All kinds of verdicts, so that all kinds of room are made.
    producer.add({
      results: Array.from({ length: 200 }, () =>
        resultOf(`s${made % 500}`, made++, made % 7 === 0 ? 'fail' : 'pass'),
      ),
    });
    while (producer.backlog > 2_000) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  while (producer.backlog > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  globalThis.gc?.();
  const { onSpool, dropped, spoolBytes } = producer.counts;
  const { heapUsed, external } = process.memoryUsage();
  process.send?.({ made, onSpool, dropped, spoolBytes, memoryBytes: heapUsed + external });
}
await producer.close();
process.disconnect();
