/** Thread of the keeper: partitions ahead, pruning behind, services that are gone; once an hour. */
import { messageOf } from '../src/contract/errors.js';
import { keep } from '../src/keeper/keeper.js';
import { retire } from '../src/keeper/retire.js';
import { createPool } from '../src/store/pool.js';
import { type Logging, threadSide } from '../src/supervisor/thread-side.js';

const EVERY_MS = 3_600_000;
const RETRY_MS = 60_000;

export interface KeeperData {
  readonly url: string;
  readonly keepDays: number;
  readonly node: string;
  readonly logging: Logging;
}

/** Main → keeper: the configuration changed. */
export interface KeepDays {
  readonly kind: 'keep_days';
  readonly days: number;
}

const side = threadSide<KeeperData, KeepDays>('keeper', {
  onStop: async () => pool.end(),
  onMessage: ({ days }) => {
    keepDays = days;
  },
});
let { keepDays } = side.data;
const pool = createPool(side.data.url, { name: 'matrix keeper', max: 1, statementTimeoutMs: 60_000 });

async function round(): Promise<void> {
  let pauseMs = EVERY_MS;
  try {
    const report = await keep(pool, { now: Date.now(), keepDays });
    if (report.dropped.length > 0) side.log.info({ event: 'pruned', ...report }, 'old results were dropped');
    const retired = await retire(pool, { now: Date.now(), node: side.data.node });
    if (retired.length > 0)
      side.log.info({ event: 'retired', services: retired }, 'services that are gone were removed');
  } catch (error) {
    pauseMs = RETRY_MS;
    side.log.warn(
      { event: 'keeper_failed', error: messageOf(error) },
      'the store could not be looked after; trying again in a minute',
    );
  }
  setTimeout(() => void round(), pauseMs);
}

void round();
side.ready();
