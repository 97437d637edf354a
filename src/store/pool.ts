import type { Socket } from 'node:net';
import pg from 'pg';

/** int8 and numeric fit a double here (counts, revisions), so they are read as numbers, not strings. */
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export interface PoolOptions {
  /** Shown in `pg_stat_activity`, so that an operator sees who holds what. */
  readonly name: string;
  /** Most connections; default 4. */
  readonly max?: number;
  /** Longest a statement may run, in ms; 0 for no limit; default 15,000. */
  readonly statementTimeoutMs?: number;
  /** Called for errors of idle connections; without a listener they would end the process. */
  readonly onError?: (error: Error) => void;
}

/** Our transactions pause for milliseconds between two statements. */
const IDLE_IN_TRANSACTION_MS = 10_000;
/**
 * Should this host vanish without a word, the server asks after 5 s of silence and lets go of what the session holds
 * after three answers that did not come, not after its default of two hours.
 */
const KEEPALIVES = '-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3';

/** A pool whose sessions speak UTC. Errors of idle clients are reported, never thrown. */
export function createPool(url: string, options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({ ...connection(url, options), max: options.max ?? 4, idleTimeoutMillis: 30_000 });
  pool.on('error', (error) => options.onError?.(error));
  return pool;
}

/** One session of its own: for advisory locks and LISTEN, which live and die with it. */
export function createClient(url: string, options: PoolOptions): pg.Client {
  const client = new pg.Client(connection(url, options));
  client.on('error', (error) => options.onError?.(error));
  return client;
}

function connection(url: string, options: PoolOptions): pg.ClientConfig {
  const limitMs = options.statementTimeoutMs ?? 15_000;
  return {
    connectionString: url,
    application_name: options.name,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    statement_timeout: limitMs,
    // A process that is frozen within a transaction must not keep everybody else from storing.
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    // The server's own limit does nothing while the server is stopped; this one is kept by the client.
    ...(limitMs > 0 ? { query_timeout: limitMs + 1_000 } : {}),
    options: `-c TimeZone=UTC ${KEEPALIVES}`,
  };
}

/**
 * Rejects when the session ends, whoever ended it: to race with what waits for something else. Call it before
 * connecting, so that nothing is missed.
 */
export function sessionEnd(client: pg.Client): Promise<never> {
  const ended = new Promise<never>((_, reject) => {
    client.on('error', reject);
    client.on('end', () => reject(new Error('the database closed the connection')));
  });
  // Nobody may be racing just then.
  ended.catch(() => undefined);
  return ended;
}

/**
 * Ends a session that may no longer be heard at the other end: a frozen server never closes its side, and whoever
 * waits for that waits for ever. Never rejects.
 */
export async function endClient(client: pg.Client, withinMs = 1_000): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
      resolve();
    }, withinMs);
  });
  await Promise.race([client.end().catch(() => undefined), late]);
  clearTimeout(timer);
}

export type Db = pg.Pool | pg.Client | pg.PoolClient;
