/** Lost if this fails: a crash in the wrong moment stores something twice, or alerts twice, or never. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Result, Verdict } from '../../src/contract/result.js';
import type { Producer } from '../../src/queue/producer.js';
import { resultOf } from '../queue/batch-kit.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';
import { plainly } from './model.js';
import { count, declaration, settled, startProducer } from './writer-kit.js';

/** Repeatable with MATRIX_TEST_SEED; the moments are those of a real machine all the same. */
const seed = Number(process.env['MATRIX_TEST_SEED'] ?? Date.now() % 1_000_000);
const KILLING_MS = 10_000;
const MOST_KILLS = 40;
const names = ['k1', 'k2', 'k3', 'k4'];
const START = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 7_200_000;

let postgres: TestPostgres;
let directory: string;
let producer: Producer;
let writer: { readonly process: ChildProcess; stored: number; active: boolean };
const made = new Map<string, Result[]>(names.map((name) => [name, []]));

/** Numerical Recipes' generator: small and the same everywhere. */
let state = seed;
function random(below: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

function startWriterProcess(): void {
  const child = fork(new URL('./writer-process.js', import.meta.url), [postgres.url], { stdio: 'inherit' });
  const running = { process: child, stored: 0, active: false };
  child.on('message', (stats) => void Object.assign(running, stats));
  writer = running;
}

before(async () => {
  postgres = await startPostgres();
  directory = mkdtempSync(join(tmpdir(), 'mx-kill-'));
  producer = await startProducer(postgres.url, directory);
  startWriterProcess();
});
after(async () => {
  writer.process.kill('SIGKILL');
  await producer.close();
  await postgres.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The next results of all services: outages begin, change their colour and end. */
function check(verdictOf: () => Verdict): void {
  const results = names.map((name) => {
    const before_ = made.get(name) ?? [];
    const result = resultOf(name, START + before_.length * 1_000, verdictOf());
    before_.push(result);
    return result;
  });
  producer.add({ results });
}

/** Batches that were stored come again, as they do when their producer did not hear of it. */
const replay = (): Promise<unknown> =>
  postgres.query(`INSERT INTO pgboss.job (name, data) SELECT name, data FROM pgboss.job
    WHERE name = 'matrix-results' AND state = 'completed' ORDER BY created_on DESC LIMIT 3`);

async function killSomething(): Promise<void> {
  const kind = random(4);
  if (kind < 2) {
    const gone = once(writer.process, 'exit');
    writer.process.kill('SIGKILL');
    await gone;
    startWriterProcess();
  } else {
    await postgres.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
      [kind === 2 ? 'matrix writer' : 'matrix queue'],
    );
  }
}

test('the writer is killed again and again: what is stored and told is what one quiet run gives', async (t) => {
  t.diagnostic(`MATRIX_TEST_SEED=${seed}`);
  producer.add({ declare: declaration(...names) });
  const verdicts: readonly Verdict[] = ['pass', 'fail', 'fail', 'warn', 'unknown'];
  const timer = setInterval(() => check(() => verdicts[random(5)] ?? 'pass'), 10);
  const end = performance.now() + KILLING_MS;
  let kills = 0;
  try {
    while (performance.now() < end && kills < MOST_KILLS) {
      const running = writer;
      const storedBefore = running.stored;
      await until('the writer works', () => running.active && running.stored > storedBefore, 60_000);
      await new Promise((resolve) => setTimeout(resolve, random(60)));
      if (kills % 3 === 0) await replay();
      await killSomething();
      kills += 1;
    }
  } finally {
    clearInterval(timer);
  }
  check(() => 'pass');
  await settled(producer, postgres);
  t.diagnostic(`${kills} kills, ${names.length * (made.get('k1')?.length ?? 0)} results`);
  assert.ok(kills >= 3, `${kills} kills`);
  assert.equal(await count(postgres, `pgboss.job WHERE name = 'matrix-results-dead'`), 0);
  for (const name of names) await assertAsPlain(name, made.get(name) ?? []);
});

async function assertAsPlain(name: string, results: readonly Result[]): Promise<void> {
  const plain = plainly(results);
  const id = '(SELECT id FROM matrix.services WHERE name = $1 AND removed_at IS NULL)';
  const stored = await postgres.query(
    `SELECT verdict::text AS verdict, (extract(epoch FROM due_at) * 1000)::float8 AS due FROM matrix.results
     WHERE service_id = ${id} ORDER BY due_at`,
    [name],
  );
  assert.deepEqual(
    stored.map((row) => [row['due'], row['verdict']]),
    results.map(({ dueAt, verdict }) => [dueAt, verdict]),
  );
  const told = await postgres.query(
    `SELECT data->>'kind' AS kind, (data->>'at')::float8 AS at, (data->>'outageSince')::float8 AS "outageSince"
     FROM pgboss.job WHERE name = 'matrix-notices' AND data->>'service' = $1 ORDER BY data->'at'`,
    [name],
  );
  assert.deepEqual(told, plain.told, `what was told of ${name}`);
  const alerts = await postgres.query(
    'SELECT (extract(epoch FROM created_at) * 1000)::float8 AS at FROM matrix.alerts WHERE service = $1',
    [name],
  );
  // Nobody acknowledges here, so the first outage's alert stands for all of them.
  assert.deepEqual(
    alerts.map((row) => row['at']),
    plain.told.slice(0, 1).map(({ at }) => at),
  );
  const [known] = await postgres.query(
    `SELECT verdict::text AS verdict, outage_since FROM matrix.service_state WHERE service_id = ${id}`,
    [name],
  );
  assert.deepEqual(known, { verdict: 'pass', outage_since: null }, `${name} has no outage left open`);
  const [hours] = await postgres.query(
    `SELECT sum(pass + warn + fail + unknown)::int AS n, sum(observed_ms)::float8 AS ms
     FROM matrix.uptime_hourly WHERE service_id = ${id}`,
    [name],
  );
  assert.deepEqual(hours, { n: results.length, ms: results.length * 1_000 }, `the hours of ${name}`);
}
