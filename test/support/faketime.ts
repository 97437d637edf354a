/** A wall clock that a test steps, for processes that it starts: Debian's libfaketime, told by a file. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FakeClock {
  /** What a process needs in its environment to live by this clock. */
  readonly env: Readonly<Record<string, string>>;
  /** How far it is ahead of the true clock, in ms. */
  readonly aheadMs: number;
  /** Epoch ms, as those processes see it. */
  now(): number;
  /** Sets it so far ahead of the true clock, in whole seconds; behind it when negative. */
  set(aheadS: number): void;
  close(): void;
}

/** The library lies in a directory that is named after the machine. */
function library(): string {
  const found = readdirSync('/usr/lib')
    .map((name) => join('/usr/lib', name, 'faketime/libfaketimeMT.so.1'))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error('libfaketime is not installed; run ops/test-deps.sh');
  return found;
}

/** Only the wall clock is false: what measures durations and waits goes on as it is. */
export function fakeClock(aheadS = 0): FakeClock {
  const directory = mkdtempSync(join(tmpdir(), 'mx-clock-'));
  // A server that runs as another user reads it as well.
  chmodSync(directory, 0o755);
  const file = join(directory, 'ahead');
  let ahead = 0;
  const set = (seconds: number): void => {
    ahead = seconds;
    writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}s\n`);
  };
  set(aheadS);
  return {
    env: {
      LD_PRELOAD: library(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
    get aheadMs() {
      return ahead * 1000;
    },
    now: () => Date.now() + ahead * 1000,
    set,
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}
