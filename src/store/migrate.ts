import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { MatrixError } from '../contract/errors.js';

/** Chosen at random; every Matrix process that migrates the same database takes this advisory lock. */
const MIGRATION_LOCK = 7_264_119_301;

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/**
 * Brings the schema up to date: `NNN_description.sql` in order, each in its own transaction, under a lock, so
 * that two processes starting at once do it once. Answers the numbers that were applied.
 * A migration that was edited after it was applied is refused: history is not rewritten.
 */
export async function migrate(client: pg.Client, directory: string): Promise<number[]> {
  const migrations = await readMigrations(directory);
  await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
  try {
    await client.query('CREATE SCHEMA IF NOT EXISTS matrix');
    await client.query(`CREATE TABLE IF NOT EXISTS matrix.migrations (
      number int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
    const { rows } = await client.query<{ number: number; checksum: string }>(
      'SELECT number, checksum FROM matrix.migrations',
    );
    const done = new Map(rows.map((row) => [row.number, row.checksum]));
    const newest = migrations.at(-1)?.number ?? 0;
    for (const number of done.keys()) {
      if (number > newest) {
        throw new MatrixError(
          'MX_SCHEMA',
          `the database was migrated by a newer Matrix (migration ${number}; this one knows ${newest})`,
        );
      }
    }
    const applied: number[] = [];
    for (const migration of migrations) {
      const checksum = done.get(migration.number);
      if (checksum === undefined) {
        await apply(client, migration);
        applied.push(migration.number);
      } else if (checksum !== migration.checksum) {
        throw new MatrixError('MX_SCHEMA', `${migration.name} was changed after it had been applied`);
      }
    }
    return applied;
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
  }
}

/** The file's own BEGIN/COMMIT serves people who run it by hand; here the stamp must commit with it. */
async function apply(client: pg.Client, migration: Migration): Promise<void> {
  const body = migration.sql.replace(/^BEGIN;$/m, '').replace(/^COMMIT;$/m, '');
  await client.query('BEGIN');
  try {
    // Everybody queues behind a lock that is waited for, and a backup may hold it off for hours.
    await client.query(`SET LOCAL lock_timeout = '2s'`);
    await client.query(body);
    await client.query('INSERT INTO matrix.migrations (number, name, checksum) VALUES ($1, $2, $3)', [
      migration.number,
      migration.name,
      migration.checksum,
    ]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{3}_\w+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(directory, name), 'utf8');
      return {
        number: Number(name.slice(0, 3)),
        name,
        sql,
        checksum: createHash('sha256').update(sql).digest('hex'),
      };
    }),
  );
}
