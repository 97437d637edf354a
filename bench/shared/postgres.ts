import { startPostgres, type TestPostgres } from '../../test/support/postgres.js';
import { CannotRun } from '../harness/bench.js';

/** A PostgreSQL server of this side's own, from the system's package; its data is removed with it. */
export async function benchPostgres(): Promise<TestPostgres> {
  return startPostgres().catch((error: unknown) => {
    throw new CannotRun(`no PostgreSQL server: ${error instanceof Error ? error.message : error}`);
  });
}
