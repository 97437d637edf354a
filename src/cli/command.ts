/** What a command of `matrix` is, and what it may use of the world around it. */
import type { ReadStream, WriteStream } from 'node:tty';

/** The world of a command; tests bring their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether standard output is a terminal: only then are there colours. */
  readonly isTerminal: boolean;
  /** Both ways of a terminal, for a command that takes the whole screen; absent unless both are one. */
  readonly terminal?: { readonly input: ReadStream; readonly output: WriteStream };
  /** Ends a command that would go on for ever; absent: only its process ends it. */
  readonly signal?: AbortSignal;
  out(text: string): void;
  err(text: string): void;
}

/** Exit codes of every command. */
export const EXIT = {
  ok: 0,
  /** Something fails, or the server refused. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 2,
} as const;

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** One line after `Usage: matrix `. */
  readonly usage: string;
  /** Lines of the help below the usage: name and meaning. */
  readonly options: readonly (readonly [name: string, meaning: string])[];
  /** @returns the exit code. @throws UsageError, or MatrixError for what the user can put right. */
  run(args: readonly string[], io: Io): Promise<number>;
}

/** The command line is wrong; exits 2 with the help of the command. */
export class UsageError extends Error {}
