import type { Round, Side, SideContext } from '../harness/bench.js';
import { type Meter, startMeter } from '../harness/meter.js';

/** One thing to be started: made ready first, then timed. */
export interface Start {
  /** What is timed. */
  run(): Promise<void>;
  /** Names the processes that it started, once they run. */
  count?(meter: Meter): void | Promise<void>;
  close(): Promise<void>;
}

/**
 * A side that times starts: `perRound` of them, made ready and cleared away outside of the measurement. The CPU of
 * this process counts only where what is started lives in it; else it only waits and asks.
 */
export function startsSide(
  context: SideContext,
  make: () => Promise<Start>,
  { perRound = 1, inProcess = false }: { perRound?: number; inProcess?: boolean } = {},
): Side {
  const open = new Set<Start>();
  const clear = async (): Promise<void> => {
    for (const start of open) await start.close();
    open.clear();
  };
  return {
    close: clear,
    round: async (): Promise<Round> => {
      for (let made = 0; made < perRound; made += 1) open.add(await make());
      const meter = startMeter(inProcess ? { node: [process.pid] } : {}, context.reported);
      const timesMs: number[] = [];
      for (const start of open) {
        const begun = performance.now();
        await start.run();
        timesMs.push(performance.now() - begun);
        await start.count?.(meter);
      }
      const round = meter.stop({ units: timesMs.length, timesMs });
      await clear();
      return round;
    },
  };
}
