/** A process that uses a spool as fast as it can and says what it did, until it is killed. */
import { Spool } from '../../src/queue/spool.js';
import { batchOf, resultOf } from './batch-kit.js';

const directory = process.argv[2] ?? '';
const spool = await Spool.open({ directory, segmentBytes: 2_000 });
const say = (message: object): Promise<void> =>
  new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
process.on('disconnect', () => process.exit(0));
for (let n = 0; ; n += 1) {
  const batch = batchOf([resultOf('s', n), resultOf('t', n, 'fail')]);
  await spool.append([batch]);
  await say({ appended: batch.id });
  if (n % 11 !== 10) continue;
  const oldest = await spool.oldest();
  const count = oldest?.batches.length ?? 0;
  await oldest?.forget();
  await say({ forgotten: count });
}
