import type { EventLoopUtilityFunction } from 'node:perf_hooks';

/** What is looked at twice within this time shows the same figure, in ms: a shorter one would say nothing. */
const WINDOW_MS = 900;

/** Share of the time that an event loop was busy since the window before, 0 to 1; `now` is monotonic ms. */
export function loadMeter(read: EventLoopUtilityFunction): (now: number) => number {
  let last = read();
  let lastAt = Number.NEGATIVE_INFINITY;
  let load = last.utilization;
  return (now) => {
    if (now - lastAt < WINDOW_MS) return load;
    const current = read();
    load = read(current, last).utilization;
    last = current;
    lastAt = now;
    return load;
  };
}
