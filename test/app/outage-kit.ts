/** Targets whose answers the test chooses and remembers, and a PostgreSQL that fails in all the ways it can. */
import { readdirSync, readFileSync } from 'node:fs';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { httpServer, type TestServer } from '../support/servers.js';
import { until } from '../support/wait.js';

export interface Asked {
  readonly at: number;
  readonly path: string;
  readonly status: number;
}

export interface ChosenServer extends TestServer {
  readonly asked: Asked[];
  /** Names that answer 500 now. */
  readonly down: Set<string>;
}

export async function chosenServer(): Promise<ChosenServer> {
  const asked: Asked[] = [];
  const down = new Set<string>();
  const server = await httpServer((request, response) => {
    const path = (request.url ?? '').slice(1);
    const status = down.has(path) ? 500 : 200;
    asked.push({ at: Date.now(), path, status });
    response.writeHead(status).end('{}');
  });
  return Object.assign(server, { asked, down });
}

/** A database whose role is an ordinary one: connection limits do not hold for a superuser. */
export async function ordinaryPostgres(): Promise<TestPostgres & { readonly appUrl: string }> {
  const postgres = await startPostgres();
  await postgres.query('CREATE ROLE app LOGIN');
  await postgres.query('GRANT ALL ON DATABASE matrix TO app');
  return Object.assign(Object.create(postgres) as TestPostgres, {
    appUrl: postgres.url.replace('matrix@', 'app@'),
  });
}

/** The server's processes: the postmaster and its children. */
function processesOf(postmaster: number): number[] {
  const children = readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === postmaster;
    } catch {
      return false; // It ended while we looked.
    }
  });
  return [...children.map(Number), postmaster];
}

const cutSessions = (postgres: TestPostgres) =>
  postgres.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'`);

export interface Fault {
  readonly name: string;
  /** What readiness says of it. */
  readonly reason: RegExp;
  begin(postgres: TestPostgres): Promise<unknown>;
  end(postgres: TestPostgres): Promise<unknown>;
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'killed',
    reason: /ENOENT|ECONNREFUSED|ECONNRESET|terminat|closed|not there/i,
    begin: (postgres) => postgres.kill(),
    end: (postgres) => postgres.start(),
  },
  {
    name: 'frozen',
    reason: /did not answer|timeout/i,
    begin: async (postgres) => {
      for (const pid of processesOf(postgres.pid).reverse()) process.kill(pid, 'SIGSTOP');
    },
    end: async (postgres) => {
      for (const pid of processesOf(postgres.pid)) process.kill(pid, 'SIGCONT');
    },
  },
  {
    name: 'full',
    reason: /too many connections/,
    begin: async (postgres) => {
      await postgres.query('ALTER ROLE app CONNECTION LIMIT 0');
      await cutSessions(postgres);
    },
    end: (postgres) => postgres.query('ALTER ROLE app CONNECTION LIMIT -1'),
  },
  {
    name: 'read-only',
    reason: /read-only/,
    begin: async (postgres) => {
      await postgres.query('ALTER ROLE app SET default_transaction_read_only = on');
      await cutSessions(postgres);
    },
    // Its sessions are those of the time when it was read-only, and stay so: Matrix has to see to that.
    end: (postgres) => postgres.query('ALTER ROLE app RESET default_transaction_read_only'),
  },
];

export interface StoredResult {
  readonly verdict: string;
  readonly startedAt: number;
}

/** What is stored of a service, in the order of the due instants. */
export async function storedOf(postgres: TestPostgres, service: string): Promise<StoredResult[]> {
  const rows = await postgres.query(
    `SELECT r.verdict, extract(epoch FROM r.started_at) * 1000 AS started
     FROM matrix.results r JOIN matrix.services s ON s.id = r.service_id WHERE s.name = $1 ORDER BY r.due_at`,
    [service],
  );
  return rows.map((row) => ({ verdict: String(row['verdict']), startedAt: Number(row['started']) }));
}

export const settled = (postgres: TestPostgres): Promise<true> =>
  until('everything queued is stored', async () => {
    const rows = await postgres.query(
      `SELECT count(*)::int AS n FROM pgboss.job WHERE name = 'matrix-results' AND state < 'completed'`,
    );
    return rows[0]?.['n'] === 0 ? true : undefined;
  });
