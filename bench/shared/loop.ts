import type { Round, Side, SideContext } from '../harness/bench.js';
import { startMeter } from '../harness/meter.js';

/**
 * The bare side of a probe: `concurrency` loops that do `one` again and again in this process. `one` gets the
 * number of the call; it throws when the probed thing did not answer as it should.
 */
export function bareLoop(
  context: SideContext,
  concurrency: number,
  one: (call: number) => Promise<unknown>,
  close: () => Promise<void> = async () => {},
): Side {
  let calls = 0;
  return {
    close,
    round: async (seconds): Promise<Round> => {
      const meter = startMeter({ node: [process.pid] }, context.reported);
      const end = performance.now() + seconds * 1000;
      let units = 0;
      const loop = async (): Promise<void> => {
        while (performance.now() < end) {
          await one(calls++);
          units += 1;
        }
      };
      await Promise.all(Array.from({ length: concurrency }, loop));
      return meter.stop({ units });
    },
  };
}
