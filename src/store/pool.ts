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
    statement_timeout: limitMs,
    // The server's own limit does nothing while the server is stopped; this one is kept by the client.
    ...(limitMs > 0 ? { query_timeout: limitMs + 1_000 } : {}),
    options: '-c TimeZone=UTC',
  };
}

export type Db = pg.Pool | pg.Client | pg.PoolClient;
