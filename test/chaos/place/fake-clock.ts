/** The wall clock that Matrix sees: libfaketime (Debian's package) reads its distance to the true one from a file. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** From when on (true clock, epoch ms) the wall clock of Matrix was `offsetMs` ahead. */
export interface ClockEpoch {
  readonly from: number;
  readonly offsetMs: number;
}

const LIBRARY = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketimeMT.so.1`;

export class FakeClock {
  readonly epochs: ClockEpoch[] = [{ from: Date.now(), offsetMs: 0 }];
  private readonly file: string;

  constructor(directory: string) {
    if (!existsSync(LIBRARY)) throw new Error('libfaketime is missing: run ops/test-deps.sh first');
    this.file = join(directory, 'clock');
    writeFileSync(this.file, '+0s');
  }

  /** What a process needs in its environment to live by this clock. Only the wall clock can be stepped. */
  get env(): Record<string, string> {
    return {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** Sets the wall clock so far ahead of the true one; seen within a second. */
  set(offsetMs: number): void {
    const seconds = Math.round(offsetMs / 1000);
    writeFileSync(this.file, `${seconds < 0 ? '' : '+'}${seconds}s`);
    this.epochs.push({ from: Date.now(), offsetMs });
  }
}
