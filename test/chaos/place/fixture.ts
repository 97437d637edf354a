/** The fixture's process, as the run sees it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FixtureOptions } from '../fixture/server.js';

const ENTRY = fileURLToPath(new URL('../fixture/server.js', import.meta.url));

export class Fixture {
  private constructor(
    readonly options: FixtureOptions,
    private readonly child: ChildProcess,
  ) {}

  /** Starts it, in the network namespace `where` if one is named. */
  static async start(options: FixtureOptions, where: string | null): Promise<Fixture> {
    const [command = '', ...args] = [
      ...(where === null ? [] : ['ip', 'netns', 'exec', where]),
      process.execPath,
      ENTRY,
      JSON.stringify(options),
    ];
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await once(child, 'message');
    return new Fixture(options, child);
  }

  /** The run begins: so do the targets' troubles. */
  begin(): void {
    this.child.send('begin');
  }

  /** From now on every target answers well. */
  calm(): void {
    this.child.send('calm');
  }

  /** Resolves when everything asked so far is in its file. */
  async flush(): Promise<void> {
    const flushed = once(this.child, 'message');
    this.child.send('flush');
    await flushed;
  }

  async close(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.disconnect();
    await exited;
  }
}
