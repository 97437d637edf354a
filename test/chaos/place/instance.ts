/** One Matrix of the run: started, killed, started again on the same data. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/wait.js';
import { Inspector } from './inspector.js';

export interface InstanceOptions {
  readonly name: 'blue' | 'green';
  readonly port: number;
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  /** Hears every line that it logs. */
  readonly onLine: (line: LogLine, instance: string) => void;
}

export interface LogLine {
  readonly event?: string;
  readonly message?: string;
  readonly [field: string]: unknown;
}

const ENTRY = fileURLToPath(new URL('../../support/serve.js', import.meta.url));
const START_MS = 60_000;

export class Instance {
  private child: ChildProcess | null = null;
  private inspectorUrl = '';

  constructor(readonly options: InstanceOptions) {}

  get name(): string {
    return this.options.name;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  get running(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Starts it; resolves when it answers. */
  async start(): Promise<void> {
    const { directory, port, env, onLine, name } = this.options;
    const child = spawn(process.execPath, ['--inspect=127.0.0.1:0', ENTRY], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: directory,
        MATRIX_PORT: String(port),
        MATRIX_DEPLOY_COLOR: name,
        MATRIX_LOG_FORMAT: 'json',
        ...env,
      },
    });
    this.child = child;
    this.inspectorUrl = '';
    createInterface({ input: child.stdout }).on('line', (text) => onLine(parse(text), name));
    createInterface({ input: child.stderr }).on('line', (text) => {
      // The first one is the main process; the front, forked later, has an inspector of its own.
      const url = /ws:\/\/\S+/.exec(text)?.[0];
      if (url === undefined) return;
      if (this.inspectorUrl === '') this.inspectorUrl = url;
    });
    await until(
      `${name} answers`,
      async () => {
        if (!this.running) throw new Error(`${name} ended at its start with ${child.exitCode}`);
        return (await this.get('/health'))?.status === 200;
      },
      START_MS,
    );
  }

  /** Body of a GET; undefined when nothing answers. */
  async get(path: string): Promise<{ status: number; body: unknown } | undefined> {
    return this.ask(path, {});
  }

  /** Text of /metrics; empty when nothing answers. */
  async metrics(): Promise<string> {
    try {
      const url = `http://127.0.0.1:${this.options.port}/metrics`;
      return await (await fetch(url, { signal: AbortSignal.timeout(3_000) })).text();
    } catch {
      return '';
    }
  }

  async ask(path: string, init: RequestInit): Promise<{ status: number; body: unknown } | undefined> {
    try {
      const url = `http://127.0.0.1:${this.options.port}${path}`;
      const response = await fetch(url, { ...init, signal: AbortSignal.timeout(3_000) });
      return { status: response.status, body: await response.json() };
    } catch {
      return undefined;
    }
  }

  /** Runs code on its main thread, or in the thread whose data contains `mark`. */
  async inject(mark: string | null, expression: string): Promise<boolean> {
    const inspector = await Inspector.open(this.inspectorUrl);
    try {
      if (mark !== null) return await inspector.inThread(mark, expression);
      await inspector.evaluate(expression);
      return true;
    } finally {
      inspector.close();
    }
  }

  /** Ends it by a signal and waits until it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (child === null || !this.running) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
}

function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { message: text };
  }
}
