/** A command on a real terminal: `script` (util-linux) makes the pseudo-terminal, the test types and looks. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { PACKAGE_ROOT } from '../../src/config/paths.js';
import { until } from '../support/wait.js';

const MATRIX = join(PACKAGE_ROOT, 'ops', 'matrix.mjs');
const HOME = '\u001b[H';

export class Pty {
  #raw = '';
  readonly #script: ChildProcess;
  readonly #ended: Promise<unknown>;

  /** Runs `matrix` with these words on a terminal of this size; afterwards the terminal is asked how it is. */
  constructor(words: string, env: Readonly<Record<string, string>>, columns = 100, rows = 30) {
    const command = `stty cols ${columns} rows ${rows}; "${process.execPath}" "${MATRIX}" ${words}; echo "rc=$?"; stty -a`;
    this.#script = spawn('script', ['-qc', command, '/dev/null'], {
      env: { PATH: process.env['PATH'], TERM: 'xterm-256color', SHELL: '/bin/sh', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#script.stdout?.on('data', (bytes: Buffer) => {
      this.#raw += bytes.toString();
    });
    this.#ended = once(this.#script, 'close');
  }

  type(keys: string): void {
    this.#script.stdin?.write(keys);
  }

  /** What is on the screen now, without colours. */
  get screen(): string {
    return stripVTControlCharacters(this.#raw.slice(this.#raw.lastIndexOf(HOME)));
  }

  /** Resolves with the screen when it holds this. */
  shows(what: RegExp): Promise<string> {
    return until(`the screen shows ${what}`, () => (what.test(this.screen) ? this.screen : undefined)).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}, but:\n${this.screen}`);
      },
    );
  }

  /** Pid of the command itself. */
  get pid(): number {
    const matching = descendants(this.#script.pid ?? 0).filter((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(MATRIX),
    );
    const pid = matching.at(-1);
    if (pid === undefined) throw new Error('the command does not run');
    return pid;
  }

  /** Waits for the end. What was printed after the screen was given back, and whether the terminal is as before. */
  async end(): Promise<{ readonly left: string; readonly isRestored: boolean }> {
    await this.#ended;
    const at = this.#raw.lastIndexOf('\u001b[?1049l');
    const left = stripVTControlCharacters(this.#raw.slice(Math.max(0, at)));
    const last = (on: string, off: string): boolean => this.#raw.lastIndexOf(on) > this.#raw.lastIndexOf(off);
    const isRestored =
      last('\u001b[?1049l', '\u001b[?1049h') &&
      last('\u001b[?25h', '\u001b[?25l') &&
      last('\u001b[?7h', '\u001b[?7l') &&
      / icanon /.test(left) &&
      / echo /.test(left);
    return { left, isRestored };
  }

  /** For a test that failed half-way. */
  kill(): void {
    if (this.#script.exitCode === null && this.#script.signalCode === null) this.#script.kill('SIGKILL');
  }
}

function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  if (children === '') return [];
  return children.split(' ').flatMap((child) => [Number(child), ...descendants(Number(child))]);
}
