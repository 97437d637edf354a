import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres, type TestPostgres } from '../../test/support/postgres.js';
import { CannotRun, type Side } from '../harness/bench.js';

const CLOSE_WITHIN_MS = 8_000;

/** A side with a PostgreSQL server of its own, from the system's package; its data is removed with it. */
export async function withPostgres(make: (postgres: TestPostgres) => Promise<Side>): Promise<Side> {
  const postgres = await startPostgres().catch((error: unknown) => {
    throw new CannotRun(`no PostgreSQL server: ${error instanceof Error ? error.message : error}`);
  });
  try {
    const side = await make(postgres);
    return {
      round: (seconds) => side.round(seconds),
      close: async () => {
        // What waits for the database ends with it, so neither a failure nor a hang may keep it.
        await Promise.race([side.close().catch(() => undefined), sleep(CLOSE_WITHIN_MS)]);
        await postgres.close();
      },
    };
  } catch (error) {
    await postgres.close();
    throw error;
  }
}
