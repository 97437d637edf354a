/** The PostgreSQL of the run: on a tmpfs of its own, used by a role that can be limited, and broken in many ways. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountTmpfs, type TestMount } from '../../support/mounts.js';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';
import { until } from '../../support/wait.js';

/** Enough for twenty minutes of a thousand results a second. */
const DISK = 'size=3g';
const ROLE = 'matrix_app';

export class Database {
  private constructor(
    private readonly postgres: TestPostgres,
    private readonly disk: TestMount,
  ) {}

  static async start(): Promise<Database> {
    const disk = mountTmpfs(`${DISK},mode=0755`);
    const postgres = await startPostgres(
      ['max_wal_size=256MB', 'shared_buffers=128MB', 'max_connections=60'],
      disk.path,
    );
    await postgres.query(`CREATE ROLE ${ROLE} LOGIN`);
    await postgres.query(`ALTER DATABASE matrix OWNER TO ${ROLE}`);
    return new Database(postgres, disk);
  }

  /** How Matrix reaches it. */
  get url(): string {
    return this.postgres.url.replace('//matrix@', `//${ROLE}@`);
  }

  /** Asks as the superuser, whom no limit binds. */
  query<T>(sql: string, values: unknown[] = []): Promise<T[]> {
    return this.postgres.query(sql, values) as Promise<T[]>;
  }

  /** Every process of the server stops in its tracks, or only the one that takes connections. */
  freeze(what: 'all' | 'postmaster'): () => void {
    const pids = what === 'all' ? [this.postgres.pid, ...childrenOf(this.postgres.pid)] : [this.postgres.pid];
    for (const pid of pids) signal(pid, 'SIGSTOP');
    return () => {
      for (const pid of pids) signal(pid, 'SIGCONT');
    };
  }

  kill(): Promise<void> {
    return this.postgres.kill();
  }

  start(): Promise<void> {
    return this.postgres.start();
  }

  /** A restart as an administrator makes it: sessions are cut, all is written. */
  async restart(): Promise<void> {
    const { pid } = this.postgres;
    this.postgres.signal('SIGINT');
    await until('PostgreSQL has ended', () => !isAlive(pid), 60_000);
    await this.postgres.start();
  }

  /** Nobody of Matrix gets in, and those who are in are put out. */
  async refuseConnections(): Promise<void> {
    await this.query(`ALTER ROLE ${ROLE} CONNECTION LIMIT 0`);
    await this.disconnectAll();
  }

  async allowConnections(): Promise<void> {
    await this.query(`ALTER ROLE ${ROLE} CONNECTION LIMIT -1`);
  }

  async setReadOnly(on: boolean): Promise<void> {
    await this.query(`ALTER ROLE ${ROLE} SET default_transaction_read_only = ${on ? 'on' : 'off'}`);
    await this.disconnectAll();
  }

  /** Takes every byte that is left on its disk; gives them back, and starts the server if that ended it. */
  fillDisk(): () => Promise<void> {
    const giveBack = fill(this.disk.path);
    return async () => {
      giveBack();
      if (!isAlive(this.postgres.pid)) await this.postgres.start();
    };
  }

  async close(): Promise<void> {
    await this.postgres.close();
    this.disk.unmount();
  }

  private async disconnectAll(): Promise<void> {
    await this.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1`, [ROLE]);
  }
}

/** Fills the filesystem of `directory`; what it answers gives the room back. */
export function fill(directory: string): () => void {
  const file = join(directory, 'filler');
  writeFileSync(file, '');
  for (let block = 1024 * 1024; block >= 1024; block /= 32) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(block), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  return () => rmSync(file, { force: true });
}

/** Pids of the processes whose parent is `parent`. */
export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false;
      }
    });
}

export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/\) Z /.test(stat);
  } catch {
    return false;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile.
  }
}
