/** Everything that takes part in a run: targets, database, one or two Matrix, a clock, and the cuts of the network. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, SECRET } from '../../support/matrix.js';
import { mountTmpfs, type TestMount } from '../../support/mounts.js';
import type { Part } from '../../support/netns.js';
import { until } from '../../support/wait.js';
import { configText } from './config.js';
import { Database } from './database.js';
import { Fixture } from './fixture.js';
import { Instance, type LogLine } from './instance.js';
import { SteppedClock } from './stepped-clock.js';

/** The uplink, as the process that made it lets this one use it. */
export interface Line {
  readonly far: string;
  readonly gateway: string;
  readonly internet: string;
  readonly dns: string;
  cut(part: Part): Promise<void>;
  restore(part: Part): Promise<void>;
}

export interface PlaceOptions {
  readonly seed: number;
  readonly targets: number;
  readonly spanMs: number;
  readonly instances: 1 | 2;
  readonly line: Line;
  readonly onLine: (line: LogLine, instance: string) => void;
}

/** The disk of each data directory, where the spool is: a small one. */
const SPOOL_DISK = 'size=24m';
const NAMES = ['blue', 'green'] as const;

export class Place {
  /** Instants (true clock) at which a Matrix was killed with its work in its hands. */
  readonly kills: number[] = [];

  private constructor(
    readonly options: PlaceOptions,
    readonly directory: string,
    readonly database: Database,
    readonly fixtures: readonly Fixture[],
    readonly instances: readonly Instance[],
    readonly clock: SteppedClock,
    readonly spools: readonly TestMount[],
  ) {}

  static async build(options: PlaceOptions): Promise<Place> {
    const directory = mkdtempSync(join(tmpdir(), 'mx-chaos-'));
    const { seed, targets, spanMs, line } = options;
    const half = Math.ceil(targets / 2);
    const common = { seed, targets, spanMs };
    const near = { ...common, host: '127.0.0.1', port: await freePort(), file: join(directory, 'near') };
    const far = { ...common, host: line.internet, port: 8080, file: join(directory, 'far') };
    const fixtures = [await Fixture.start(near, null), await Fixture.start(far, line.far)];
    const database = await Database.start();
    const clock = new SteppedClock();
    const config = configText({ targets, half, near, far, line });
    const spools: TestMount[] = [];
    const instances: Instance[] = [];
    for (const name of NAMES.slice(0, options.instances)) {
      const home = join(directory, name);
      mkdirSync(home);
      writeFileSync(join(home, 'matrix.toml'), config);
      const spool = mountTmpfs(SPOOL_DISK);
      spools.push(spool);
      const env = {
        ...clock.env,
        MATRIX_DATA_DIR: spool.path,
        MATRIX_DATABASE_URL: database.url,
        MATRIX_JWT_SECRET: SECRET,
      };
      instances.push(
        new Instance({ name, port: await freePort(), directory: home, env, onLine: options.onLine }),
      );
    }
    return new Place(options, directory, database, fixtures, instances, clock, spools);
  }

  /** The one that collects, as the database knows it; the first one when nobody does. */
  async active(): Promise<Instance> {
    for (const instance of this.instances) {
      const metrics = await instance.metrics();
      if (/^matrix_collector_active(\{[^}]*\})? 1$/m.test(metrics)) return instance;
    }
    const [first] = this.instances;
    if (first === undefined) throw new Error('a run has at least one Matrix');
    return first;
  }

  /** kill -9, noted as such. */
  async kill(instance: Instance): Promise<void> {
    this.kills.push(Date.now());
    await instance.end('SIGKILL');
  }

  /** Waits until nothing that was asked before now is on its way to the store. */
  async drained(): Promise<void> {
    await until(
      'no spool holds anything',
      () => this.spools.every(({ path }) => readdirSync(join(path, 'spool')).length === 0),
      120_000,
    );
    const since = Date.now();
    await until(
      'the queue is empty and checks made after that are stored',
      async () => {
        const [row] = await this.database.query<{ n: number; newest: number }>(
          `SELECT (SELECT count(*)::int FROM pgboss.job WHERE name = 'matrix-results' AND state < 'completed'
                     AND created_on < to_timestamp($1 / 1000.0)) AS n,
             (SELECT (extract(epoch FROM min(started_at)) * 1000)::float8 FROM matrix.service_state t
                JOIN matrix.services s ON s.id = t.service_id WHERE s.family = 'http' AND removed_at IS NULL) AS newest`,
          [since],
        );
        return row !== undefined && row.n === 0 && row.newest > since;
      },
      120_000,
    );
  }

  async close(): Promise<void> {
    for (const instance of this.instances) await instance.end('SIGKILL');
    for (const fixture of this.fixtures) await fixture.close();
    this.clock.close();
    await this.database.close();
    for (const spool of this.spools) spool.unmount();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
