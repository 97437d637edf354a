/** Two Matrix processes, blue and green, on one database, and the targets that they watch. */
import { type LogLine, type StartOptions, startMatrix, type TestMatrix } from '../support/matrix.js';
import type { TestPostgres } from '../support/postgres.js';
import { httpServer, type TestServer } from '../support/servers.js';
import { until } from '../support/wait.js';

export type Color = 'blue' | 'green';

export interface AskedServer extends TestServer {
  /** One entry a request: when it came (epoch ms) and its path. */
  readonly asked: { readonly at: number; readonly path: string }[];
}

/** Remembers who asked when; `/down` is down, and what is below `/slow` takes a second. */
export async function askedServer(): Promise<AskedServer> {
  const asked: AskedServer['asked'] = [];
  const server = await httpServer((request, response) => {
    const path = request.url ?? '';
    asked.push({ at: Date.now(), path });
    const answer = (): void => void response.writeHead(path === '/down' ? 500 : 200).end('{}');
    if (path.startsWith('/slow')) setTimeout(answer, 1_000);
    else answer();
  });
  return Object.assign(server, { asked });
}

/** The config of these targets, one named as its path. */
export function configOf(port: number, paths: readonly string[], more: string): string {
  const targets = paths.map(
    (path) => `[[http]]\nname = "${path}"\nurl = "http://127.0.0.1:${port}/${path}"\n`,
  );
  return `[matrix]\ndiscover = false\n${more}\n${targets.join('')}`;
}

export class Pair {
  readonly logs: Record<Color, LogLine[][]> = { blue: [], green: [] };
  private readonly running: Partial<Record<Color, TestMatrix>> = {};
  private readonly places: Partial<Record<Color, TestMatrix>> = {};

  constructor(
    private readonly postgres: TestPostgres,
    private readonly options: Omit<StartOptions, 'directory' | 'port'>,
  ) {}

  get(color: Color): TestMatrix {
    const matrix = this.running[color];
    if (matrix === undefined) throw new Error(`${color} does not run`);
    return matrix;
  }

  /** Starts one of them, on its own data, and waits until it knows whether it collects. */
  async start(color: Color): Promise<void> {
    const place = this.places[color];
    const matrix = await startMatrix({
      ...this.options,
      env: { MATRIX_DATABASE_URL: this.postgres.url, MATRIX_DEPLOY_COLOR: color, ...this.options.env },
      ...(place === undefined ? {} : { directory: place.directory, port: place.port }),
    });
    this.running[color] = matrix;
    this.places[color] = matrix;
    this.logs[color].push(matrix.log);
    await until(`${color} knows its part`, () => this.turns(color).length > 0);
  }

  /** What it said of its part, in order: whether it collects. */
  turns(color: Color): boolean[] {
    return this.get(color)
      .log.filter((line) => line.event === 'collector')
      .map((line) => line['active'] === true);
  }

  /** Whether it runs and says so. */
  collects(color: Color): boolean {
    return this.running[color] !== undefined && this.turns(color).at(-1) === true;
  }

  async kill(color: Color): Promise<void> {
    await this.get(color).kill();
    delete this.running[color];
  }

  /** SIGTERM; answers the exit code. */
  async stop(color: Color): Promise<number | null> {
    const code = await this.get(color).stop();
    delete this.running[color];
    return code;
  }

  lines(event: string): LogLine[] {
    return [...this.logs.blue, ...this.logs.green].flat().filter((line) => line.event === event);
  }

  /** Ends both; answers their directories. */
  async close(): Promise<TestMatrix[]> {
    await Promise.all(Object.values(this.running).map((matrix) => matrix.kill()));
    return Object.values(this.places);
  }
}
