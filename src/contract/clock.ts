/** Time as the house sees it; injected so that tests need not wait. */
export interface Clock {
  /** Wall clock, epoch milliseconds: for stamps that people read. */
  now(): number;
  /** Monotonic milliseconds: for durations, deadlines and windows; unaffected by clock steps. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
