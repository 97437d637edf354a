import { readFile, stat } from 'node:fs/promises';
import pg from 'pg';
import { MatrixError } from '../../contract/errors.js';
import { SUPERUSER } from './cluster.js';
import { embeddedFailure } from './errors.js';
import type { EmbeddedPaths } from './paths.js';

const CONNECT_LIMIT_MS = 5_000;
const ROLE = 'matrix';
/** invalid_password, invalid_authorization_specification, invalid_catalog_name */
const NOT_PREPARED = new Set(['28P01', '28000', '3D000']);

/** A string for node-postgres and pg-boss: the host is the socket's directory. */
export function connectionUrl(socketDir: string, password: string, user = ROLE, database = ROLE): string {
  return `postgresql://${user}:${encodeURIComponent(password)}@localhost/${database}?host=${encodeURIComponent(socketDir)}`;
}

/**
 * Connects as Matrix will, makes sure that it is this cluster which answers, and answers the connection
 * string. On the first start (or after one that was cut off) role and database are made.
 * Throws what node-postgres throws when nobody answers, MX_EMBEDDED_FAILED when the wrong one does.
 */
export async function openDatabase(paths: EmbeddedPaths, socketDir: string, isNew: boolean): Promise<string> {
  const password = await readPassword(paths);
  const url = connectionUrl(socketDir, password);
  if (isNew) await prepare(socketDir, password, paths);
  try {
    await withClient(url, (client) => checkDirectory(client, paths.data));
  } catch (error) {
    if (!NOT_PREPARED.has(codeOf(error))) throw error;
    await prepare(socketDir, password, paths);
    await withClient(url, (client) => checkDirectory(client, paths.data));
  }
  return url;
}

async function readPassword(paths: EmbeddedPaths): Promise<string> {
  try {
    return (await readFile(paths.password, 'utf8')).trim();
  } catch (error) {
    throw embeddedFailure(`read the database's password; put ${paths.password} back from a backup`, error);
  }
}

async function checkDirectory(client: pg.Client, data: string): Promise<void> {
  const { rows } = await client.query<{ data_directory: string }>('show data_directory');
  const answered = rows[0]?.data_directory ?? '';
  const [theirs, ours] = await Promise.all([stat(answered).catch(() => undefined), stat(data)]);
  if (theirs?.dev === ours.dev && theirs.ino === ours.ino) return;
  throw new MatrixError(
    'MX_EMBEDDED_FAILED',
    `The socket of ${data} is answered by the server of ${answered}.`,
  );
}

/** Makes the role and the database in one transaction. `matrix` is no superuser, as with a database of one's own. */
async function prepare(socketDir: string, password: string, paths: EmbeddedPaths): Promise<void> {
  try {
    await withClient(connectionUrl(socketDir, password, SUPERUSER, 'template1'), async (client) => {
      await checkDirectory(client, paths.data);
      const secret = client.escapeLiteral(password);
      // A failing statement is logged with its text, and this one holds the password.
      await client.query('set log_min_error_statement = panic');
      await client.query('begin');
      const verb = (await has(client, 'pg_roles', 'rolname', ROLE)) ? 'alter' : 'create';
      await client.query(`${verb} role ${ROLE} login password ${secret}`);
      await client.query(`grant pg_monitor to ${ROLE}`);
      if (!(await has(client, 'pg_database', 'datname', ROLE))) {
        // Renaming the one that initdb made costs nothing; making another costs a checkpoint, about 0.1 s.
        await client.query(`alter database postgres rename to ${ROLE}`);
      }
      await client.query(`alter database ${ROLE} owner to ${ROLE}`);
      await client.query('commit');
    });
  } catch (error) {
    if (codeOf(error) !== '28P01') throw embeddedFailure('prepare the database for Matrix', error);
    throw new MatrixError(
      'MX_EMBEDDED_FAILED',
      `The database in ${paths.data} refuses the password in ${paths.password}. Put the right one back.`,
      { cause: error },
    );
  }
}

async function has(client: pg.Client, table: string, column: string, name: string): Promise<boolean> {
  const { rows } = await client.query(`select 1 from ${table} where ${column} = $1`, [name]);
  return rows.length > 0;
}

async function withClient(url: string, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    query_timeout: 60_000,
  });
  client.on('error', () => undefined); // the query in flight rejects as well
  try {
    await client.connect();
    await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? '');
}
