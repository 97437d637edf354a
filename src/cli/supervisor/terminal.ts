/**
 * A terminal taken for a while: its alternate screen, its keys one by one. However the process ends, short of
 * SIGKILL, it gets the terminal back as it was.
 */
import { emitKeypressEvents, type Key } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';

/** Alternate screen, no cursor, lines that are too long are cut and not continued (xterm, "Private Mode Set"). */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE_REST = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface ScreenEvents {
  readonly onKey: (key: Key) => void;
  /** The size changed, or the screen was lost for a while: draw anew. */
  readonly onResize: () => void;
}

export class Screen {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  #taken = false;

  constructor({ input, output }: { readonly input: ReadStream; readonly output: WriteStream }) {
    this.#input = input;
    this.#output = output;
  }

  get columns(): number {
    return this.#output.columns;
  }

  get rows(): number {
    return this.#output.rows;
  }

  /** Takes the terminal. @returns what gives it back; calling that again does nothing. */
  take({ onKey, onResize }: ScreenEvents): () => void {
    const restore = (): void => this.#leave();
    const end = (signal: NodeJS.Signals): void => {
      giveBack();
      // Now nobody listens to it, it does what it does to any process.
      process.kill(process.pid, signal);
    };
    const resumed = (): void => {
      this.#enter();
      onResize();
    };
    const pressed = (_text: string | undefined, key: Key): void => {
      if (key.ctrl === true && key.name === 'z') this.#suspend();
      else onKey(key);
    };
    const giveBack = (): void => {
      restore();
      for (const signal of ENDING) process.off(signal, end);
      process.off('SIGCONT', resumed).off('exit', restore);
      this.#output.off('resize', onResize);
      this.#input.off('keypress', pressed).pause();
    };
    for (const signal of ENDING) process.on(signal, end);
    // After a crash too, and before its stack is printed, which would go down with the alternate screen.
    process.on('SIGCONT', resumed).on('exit', restore);
    this.#output.on('resize', onResize);
    emitKeypressEvents(this.#input);
    this.#input.on('keypress', pressed).resume();
    this.#enter();
    return giveBack;
  }

  /** Shows exactly these lines, from the top. */
  draw(lines: readonly string[]): void {
    if (!this.#taken) return;
    this.#output.write(HOME + lines.map((line) => line + CLEAR_LINE_REST).join('\r\n') + CLEAR_BELOW);
  }

  #enter(): void {
    this.#input.setRawMode(true);
    if (!this.#taken) this.#output.write(ENTER);
    this.#taken = true;
  }

  #leave(): void {
    if (!this.#taken) return;
    this.#taken = false;
    this.#output.write(LEAVE);
    this.#input.setRawMode(false);
  }

  /** What the shell's Ctrl-Z does where keys come unbuffered; SIGCONT takes the terminal again. */
  #suspend(): void {
    this.#leave();
    process.kill(process.pid, 'SIGSTOP');
  }
}
