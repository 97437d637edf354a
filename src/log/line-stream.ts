import { writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { LIMITS } from '../contract/limits.js';

const RETRY_MS = 50;
/** How long an exit waits for a stalled reader. */
const EXIT_WAIT_MS = 500;

/** Writes bytes to a descriptor and answers how many it took; throws as `fs.writeSync` does. */
export type WriteBytes = (bytes: Buffer) => number;

/**
 * Writes whole lines to a descriptor that does not block. Each line is one system call made at once, so nothing is
 * lost when the process dies and lines of several threads never mix. While the reader stalls, lines wait in memory up
 * to a bound; beyond it they are dropped, counted, and the count is written once the reader reads again.
 */
export class LineStream {
  readonly #write: WriteBytes;
  /** Turns the number of dropped lines into the line that reports them. */
  readonly #noteDrops: (count: number) => string;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #unreported = 0;
  #dropped = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(target: number | WriteBytes, noteDrops: (count: number) => string) {
    this.#write = typeof target === 'number' ? (bytes) => writeSync(target, bytes) : target;
    this.#noteDrops = noteDrops;
  }

  /** Lines dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > LIMITS.log_waiting.value) {
      this.#dropped++;
      this.#unreported++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#retry === undefined) this.#drain();
  }

  /** Writes what waits, for at most half a second: an exit must not hang on a reader that never reads. */
  flushSync(): void {
    const end = performance.now() + EXIT_WAIT_MS;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (!this.#drain() && performance.now() < end) Atomics.wait(pause, 0, 0, 5);
  }

  /** Writes until nothing waits or the reader stalls; answers whether nothing waits. */
  #drain(): boolean {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    for (;;) {
      const bytes = this.#waiting[0];
      if (bytes === undefined && this.#unreported === 0) return true;
      if (bytes === undefined) {
        this.#reportDrops();
        continue;
      }
      const taken = this.#tryWrite(bytes);
      if (taken < bytes.length) {
        if (taken > 0) this.#keepRest(bytes, taken);
        this.#retry = setTimeout(() => this.#drain(), RETRY_MS);
        this.#retry.unref();
        return false;
      }
      this.#waiting.shift();
      this.#waitingBytes -= bytes.length;
    }
  }

  #reportDrops(): void {
    const note = Buffer.from(this.#noteDrops(this.#unreported));
    this.#unreported = 0;
    this.#waiting.push(note);
    this.#waitingBytes += note.length;
  }

  #keepRest(bytes: Buffer, taken: number): void {
    this.#waiting[0] = bytes.subarray(taken);
    this.#waitingBytes -= taken;
  }

  /** Bytes taken. A reader that is gone for good (EPIPE, EIO) counts as one that stalls: Matrix goes on without a log. */
  #tryWrite(bytes: Buffer): number {
    try {
      return this.#write(bytes);
    } catch {
      return 0;
    }
  }
}
