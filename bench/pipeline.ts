import type { Bench, Side, SideContext } from './harness/bench.js';
import { startMeter } from './harness/meter.js';
import { copyOfResults, insertBare } from './shared/bare-insert.js';
import { startPipeline } from './shared/pipeline.js';
import { benchPostgres } from './shared/postgres.js';
import { ResultSource } from './shared/results.js';

const SERVICES = 10_000;
/** Results handed over at once, as a busy probe thread does it. */
const CHUNK = 250;
/** Results under way at most: enough that neither end ever waits for the other, less than the producer drops. */
const UNDER_WAY = 20_000;
/** Rows of one bare statement: what the writer stores in one transaction. */
const BARE_BATCH = 10_000;

export const bench: Bench = {
  name: 'pipeline',
  title: 'Results through producer, pg-boss and writer, committed',
  group: 'pipeline',
  unit: 'result',
  compare: 'rate',
  goal: { atLeast: 0.5 },
  peer: `INSERT … SELECT FROM unnest of ${BARE_BATCH} rows`,
  ours,
  bare,
};

async function ours(context: SideContext): Promise<Side> {
  const services = Math.ceil(SERVICES * context.scale);
  const postgres = await benchPostgres();
  const pipeline = await startPipeline(postgres.url, services);
  const source = new ResultSource(services);
  let added = 0;
  return {
    round: async (seconds) => {
      const from = added;
      const meter = startMeter({ node: [process.pid], postgres: [postgres.pid] }, context.reported);
      const end = performance.now() + seconds * 1000;
      while (performance.now() < end) {
        pipeline.add(source.take(CHUNK));
        added += CHUNK;
        await pipeline.untilStored(added - UNDER_WAY);
      }
      await pipeline.untilStored(added);
      return meter.stop({ units: added - from });
    },
    close: async () => {
      await pipeline.close();
      await postgres.close();
    },
  };
}

async function bare(context: SideContext): Promise<Side> {
  const services = Math.ceil(SERVICES * context.scale);
  const postgres = await benchPostgres();
  const client = await copyOfResults(postgres.url);
  const source = new ResultSource(services);
  const idOf = (service: string): number => Number(service.slice(-5)) + 1;
  return {
    round: async (seconds) => {
      const meter = startMeter({ node: [process.pid], postgres: [postgres.pid] }, context.reported);
      const end = performance.now() + seconds * 1000;
      let units = 0;
      while (performance.now() < end) {
        await insertBare(client, idOf, source.take(BARE_BATCH));
        units += BARE_BATCH;
      }
      return meter.stop({ units });
    },
    close: async () => {
      await client.end();
      await postgres.close();
    },
  };
}
