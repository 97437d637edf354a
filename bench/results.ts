import type { TestPostgres } from '../test/support/postgres.js';
import type { Bench, Side, SideContext } from './harness/bench.js';
import { startMeter } from './harness/meter.js';
import { copyOfResults, insertBare } from './shared/bare-insert.js';
import { startPipeline } from './shared/pipeline.js';
import { withPostgres } from './shared/postgres.js';
import { ResultSource } from './shared/results.js';

const SERVICES = 10_000;
/** Results handed over at once, as a busy probe thread does it. */
const CHUNK = 250;
/** Results under way at most: enough that neither end ever waits for the other, less than the producer drops. */
const UNDER_WAY = 20_000;
/** Rows of one bare statement: what the writer stores in one transaction. */
const BARE_BATCH = 10_000;

export const bench: Bench = {
  name: 'results',
  title: 'Results through producer, pg-boss and writer, committed',
  group: 'pipeline',
  unit: 'result',
  compare: 'rate',
  goal: { atLeast: 0.5 },
  peer: `INSERT … SELECT FROM unnest of ${BARE_BATCH} rows`,
  ours: (context) => withPostgres((postgres) => ours(context, postgres)),
  bare: (context) => withPostgres((postgres) => bare(context, postgres)),
};

async function ours(context: SideContext, postgres: TestPostgres): Promise<Side> {
  const services = Math.ceil(SERVICES * context.scale);
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
    close: () => pipeline.close(),
  };
}

async function bare(context: SideContext, postgres: TestPostgres): Promise<Side> {
  const services = Math.ceil(SERVICES * context.scale);
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
    close: () => client.end(),
  };
}
