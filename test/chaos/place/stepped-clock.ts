/** The wall clock that Matrix sees, and a record of its steps. */
import { fakeClock } from '../../support/faketime.js';

/** From when on (true clock, epoch ms) the wall clock of Matrix was `offsetMs` ahead. */
export interface ClockEpoch {
  readonly from: number;
  readonly offsetMs: number;
}

export class SteppedClock {
  readonly epochs: ClockEpoch[] = [{ from: Date.now(), offsetMs: 0 }];
  private readonly clock = fakeClock();

  /** What a process needs in its environment to live by this clock. */
  get env(): Record<string, string> {
    // Under load the clock is read too often to look into the file each time.
    return { ...this.clock.env, FAKETIME_NO_CACHE: '0', FAKETIME_CACHE_DURATION: '1' };
  }

  /** Sets it so far ahead of the true clock; seen within a second. */
  set(offsetMs: number): void {
    this.clock.set(Math.round(offsetMs / 1000));
    this.epochs.push({ from: Date.now(), offsetMs });
  }

  close(): void {
    this.clock.close();
  }
}
