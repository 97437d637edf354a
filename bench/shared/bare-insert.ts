/** The bare side of the pipeline: batches of rows into a copy of matrix.results, by one statement each. */
import type pg from 'pg';
import { SQL_DIR } from '../../src/config/paths.js';
import type { Result } from '../../src/contract/result.js';
import { migrate } from '../../src/store/migrate.js';
import { createClient } from '../../src/store/pool.js';

const DAY_MS = 86_400_000;

/** A session on a database that has the schema and an empty `matrix.bench_results`, with partitions for two days. */
export async function copyOfResults(url: string): Promise<pg.Client> {
  const client = createClient(url, { name: 'matrix bench' });
  await client.connect();
  await migrate(client, SQL_DIR);
  await client.query(
    'CREATE TABLE matrix.bench_results (LIKE matrix.results INCLUDING ALL) PARTITION BY RANGE (due_at)',
  );
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  for (const day of [today, today + DAY_MS]) {
    const range = [day, day + DAY_MS].map((ms) => `('${new Date(ms).toISOString()}')`).join(' TO ');
    const name = `matrix.bench_results_${day === today ? 'today' : 'tomorrow'}`;
    await client.query(`CREATE TABLE ${name} PARTITION OF matrix.bench_results FOR VALUES FROM ${range}`);
  }
  return client;
}

const INSERT = `INSERT INTO matrix.bench_results
  (service_id, due_at, started_at, duration_ms, verdict, customer_id, code, detail, measurements, facts)
  SELECT s, to_timestamp(d / 1000.0), to_timestamp(b / 1000.0), m, v, 'axe', c, t, x, f
  FROM unnest($1::int[], $2::float8[], $3::float8[], $4::real[], $5::matrix.verdict[], $6::text[], $7::text[],
    $8::jsonb[], $9::jsonb[]) AS r(s, d, b, m, v, c, t, x, f)`;

/** Stores results in one statement, which is one transaction. */
export async function insertBare(
  client: pg.Client,
  idOf: (service: string) => number,
  results: readonly Result[],
): Promise<void> {
  await client.query(INSERT, [
    results.map((result) => idOf(result.service)),
    results.map((result) => result.dueAt),
    results.map((result) => result.startedAt),
    results.map((result) => result.durationMs),
    results.map((result) => result.verdict),
    results.map((result) => result.code ?? null),
    results.map((result) => result.detail),
    results.map((result) => JSON.stringify(result.measurements)),
    results.map((result) => JSON.stringify(result.facts)),
  ]);
}
