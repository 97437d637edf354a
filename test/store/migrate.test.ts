/** The schema: made once whoever starts first, never rewritten, and taken back without a trace. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import { migrate } from '../../src/store/migrate.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { sqlDirectory } from '../writer/writer-kit.js';

let postgres: TestPostgres;
let copy: string;
const files = readdirSync(sqlDirectory).sort();
const ups = files.filter((name) => !name.endsWith('.down.sql'));
const numbers = ups.map((name) => Number(name.slice(0, 3)));

before(async () => {
  postgres = await startPostgres();
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));
beforeEach(async () => {
  await postgres.query('DROP SCHEMA IF EXISTS matrix CASCADE');
  copy = mkdtempSync(join(tmpdir(), 'mx-sql-'));
  cpSync(sqlDirectory, copy, { recursive: true });
});
after(() => postgres.close());

async function run(directory: string): Promise<number[]> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    return await migrate(client, directory);
  } finally {
    await client.end();
  }
}

/** Everything that a schema consists of, in words. */
async function shape(): Promise<string[]> {
  const rows = await postgres.query(`
    SELECT 'column ' || table_name || '.' || column_name || ' ' || udt_name || coalesce(' ' || column_default, '') AS line
      FROM information_schema.columns WHERE table_schema = 'matrix'
    UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'matrix'
    UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
      WHERE connamespace = 'matrix'::regnamespace
    UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'matrix'::regnamespace AND typtype = 'e'
    ORDER BY 1`);
  return rows.map((row) => String(row['line']));
}

describe('migrating', () => {
  test('from nothing applies everything; a second time does nothing', async () => {
    assert.deepEqual(await run(sqlDirectory), numbers);
    const first = await shape();
    assert.ok(first.length > 30);
    assert.deepEqual(await run(sqlDirectory), []);
    assert.deepEqual(await shape(), first);
  });

  test('by several processes at once is done once', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => run(sqlDirectory)));
    assert.deepEqual(answers.flat(), numbers);
  });

  test('is refused when a migration was changed after it had been applied', async () => {
    await run(copy);
    const file = join(copy, ups[0] ?? '');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n-- edited`);
    await assert.rejects(run(copy), { code: 'MX_SCHEMA', message: /was changed after it had been applied/ });
  });

  test('is refused when the database is of a newer Matrix', async () => {
    await run(copy);
    await postgres.query(
      `INSERT INTO matrix.migrations (number, name, checksum) VALUES (999, 'future', 'x')`,
    );
    await assert.rejects(run(copy), { code: 'MX_SCHEMA', message: /newer Matrix/ });
  });

  test('a migration that fails leaves nothing of itself, and the next attempt is free to run', async () => {
    const broken = join(copy, '998_broken.sql');
    writeFileSync(broken, 'BEGIN;\nCREATE TABLE matrix.half (n int);\nSELECT 1/0;\nCOMMIT;\n');
    await assert.rejects(run(copy), /division by zero/);
    assert.deepEqual(await postgres.query(`SELECT 1 FROM pg_tables WHERE tablename = 'half'`), []);
    writeFileSync(broken, 'BEGIN;\nCREATE TABLE matrix.half (n int);\nCOMMIT;\n');
    assert.deepEqual(await run(copy), [998]);
  });
});

describe('taking back', () => {
  test('each migration leaves the schema as it was before it, and it can be applied again', async () => {
    const shapes: string[][] = [];
    for (const [index, name] of ups.entries()) {
      const step = mkdtempSync(join(tmpdir(), 'mx-sql-step-'));
      for (const file of ups.slice(0, index)) cpSync(join(sqlDirectory, file), join(step, file));
      await run(step);
      shapes.push(await shape());
      cpSync(join(sqlDirectory, name), join(step, name));
      await run(step);
      rmSync(step, { recursive: true });
    }
    const whole = await shape();
    for (const [index, name] of [...ups.entries()].reverse()) {
      await postgres.query(readFileSync(join(sqlDirectory, name.replace('.sql', '.down.sql')), 'utf8'));
      assert.deepEqual(await shape(), shapes[index], name);
    }
    assert.deepEqual(await run(sqlDirectory), numbers, 'forward again');
    assert.deepEqual(await shape(), whole);
  });
});

describe('what is stored', () => {
  test('outlives every migration, there and back (an update must not cost the past)', async () => {
    const oldest = mkdtempSync(join(tmpdir(), 'mx-sql-oldest-'));
    cpSync(join(sqlDirectory, ups[0] ?? ''), join(oldest, ups[0] ?? ''));
    await run(oldest);
    rmSync(oldest, { recursive: true });
    await postgres.query(`
      INSERT INTO matrix.services (customer_id, name, family, target, source, interval_ms)
        VALUES ('axe', 'a', 'http', 'a', 'config', 30000);
      CREATE TABLE matrix.results_20260101 PARTITION OF matrix.results
        FOR VALUES FROM ('2026-01-01 00:00Z') TO ('2026-01-02 00:00Z');
      INSERT INTO matrix.results (service_id, due_at, started_at, duration_ms, verdict, customer_id, detail)
        SELECT 1, at, at, 1, 'pass', 'axe', 'fine'
        FROM generate_series('2026-01-01 10:00Z'::timestamptz, '2026-01-01 10:59Z', interval '30 s') at;
      INSERT INTO matrix.uptime_hourly (service_id, hour, pass) VALUES (1, '2026-01-01 10:00Z', 119);
      INSERT INTO matrix.service_state (service_id, verdict, detail, since, due_at, started_at, duration_ms, rev)
        VALUES (1, 'pass', 'fine', now(), now(), now(), 1, 1);
      INSERT INTO matrix.cycles (customer_id, ts, interval_ms, pass) VALUES ('axe', now(), 30000, 1)`);
    const kept = async () => {
      const [row] = await postgres.query(`SELECT (SELECT count(*) FROM matrix.results) AS results,
        (SELECT json_agg(json_build_array(pass, fail)) FROM matrix.uptime_hourly) AS hours,
        (SELECT count(*) FROM matrix.service_state) AS states, (SELECT count(*) FROM matrix.cycles) AS cycles`);
      return row;
    };
    const first = await kept();
    await run(sqlDirectory);
    assert.deepEqual(await kept(), first);
    // Hours that hold nothing but observed time are what the newer one adds.
    await postgres.query(
      `INSERT INTO matrix.uptime_hourly (service_id, hour, observed_ms) VALUES (1, '2026-01-01 11:00Z', 30000)`,
    );
    for (const name of [...ups.slice(1)].reverse()) {
      await postgres.query(readFileSync(join(sqlDirectory, name.replace('.sql', '.down.sql')), 'utf8'));
    }
    assert.deepEqual(await kept(), first);
  });
});

describe('the files', () => {
  test('are numbered without a gap, each with a way back, and say what they are', () => {
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    );
    for (const name of files) {
      assert.match(name, /^\d{3}_[a-z0-9_]+(\.down)?\.sql$/);
      const text = readFileSync(join(sqlDirectory, name), 'utf8');
      const number = name.slice(0, 3);
      assert.match(text, new RegExp(`^-- Number: +${number}$`, 'm'), name);
      assert.match(text, /^-- Description: \S/m, name);
      assert.match(text, /^-- Date: +\d{4}-\d\d-\d\d$/m, name);
      assert.match(text, /^BEGIN;$[\s\S]*^COMMIT;$/m, name);
      if (name.endsWith('.down.sql')) continue;
      const down = name.replace('.sql', '.down.sql');
      assert.match(text, new RegExp(`^-- Rollback: +${down}$`, 'm'), name);
      assert.ok(files.includes(down), `${name} has a way back`);
    }
  });
});

test('a migration gives way to whoever reads its table, and keeps nobody waiting behind it', async () => {
  await run(copy);
  writeFileSync(
    join(copy, '900_more.sql'),
    'BEGIN;\nALTER TABLE matrix.alerts ADD COLUMN more int;\nCOMMIT;\n',
  );
  const backup = new pg.Client({ connectionString: postgres.url });
  await backup.connect();
  await backup.query('BEGIN; LOCK TABLE matrix.alerts IN ACCESS SHARE MODE');
  await assert.rejects(run(copy), { code: '55P03' });
  await postgres.query(`SET statement_timeout = '5s'; SELECT count(*) FROM matrix.alerts`);
  await backup.end();
  assert.deepEqual(await run(copy), [900]);
});
