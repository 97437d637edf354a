/** The queue's own table is bounded: a writer that does not work must not fill the user's database. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { LIMITS } from '../../src/contract/limits.js';
import type { DepthLimits } from '../../src/queue/depth.js';
import { Producer } from '../../src/queue/producer.js';
import { DEAD_QUEUE, NOTICES_QUEUE, openBoss, RESULTS_QUEUE } from '../../src/queue/queues.js';
import { Spool } from '../../src/queue/spool.js';
import { createPool } from '../../src/store/pool.js';
import { memoryLog } from '../support/log.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';
import { resultOf } from './batch-kit.js';

let postgres: TestPostgres;
let root: string;
let next = 0;
const open: Producer[] = [];

before(async () => {
  postgres = await startPostgres();
  root = mkdtempSync(join(tmpdir(), 'mx-depth-'));
  const pool = createPool(postgres.url, { name: 'test' });
  const boss = await openBoss(pool, { maintain: true, onError: () => undefined });
  await boss.stop({ graceful: false });
  await pool.end();
});
beforeEach(() => postgres.query('DELETE FROM pgboss.job'));
afterEach(async () => {
  for (const producer of open.splice(0)) await producer.close();
});
after(async () => {
  await postgres.close();
  rmSync(root, { recursive: true, force: true });
});

const SMALL: DepthLimits = { results: 10, dead: 5, notices: 20 };

/** A producer that looks often and has small limits, unless it is to have those of the product. */
async function producing(depthLimits: DepthLimits | null = SMALL) {
  const states: (string | null)[] = [];
  const log = memoryLog();
  const spool = await Spool.open({ directory: join(root, String(next++)) });
  const producer = new Producer({
    node: 'test',
    spool,
    log,
    onState: (problem) => void states.push(problem),
    ...(depthLimits === null ? {} : { depthLimits }),
    depthMs: 50,
  });
  open.push(producer);
  producer.connect(postgres.url);
  await until('it is connected', () => states.at(-1) === null);
  return { producer, spool, states, log };
}

const count = async (queue: string): Promise<number> =>
  Number((await postgres.query('SELECT count(*) AS n FROM pgboss.job WHERE name = $1', [queue]))[0]?.['n']);
/** Takes what is in the queue out of it, as a writer does; answers the due instants in the order of the queue. */
const takenOut = async (): Promise<number[]> =>
  (
    await postgres.query(
      `WITH taken AS (DELETE FROM pgboss.job WHERE name = $1 RETURNING created_on, data)
       SELECT (r.value->>'dueAt')::int AS due
       FROM taken t, jsonb_array_elements(t.data->'results') WITH ORDINALITY r ORDER BY t.created_on, r.ordinality`,
      [RESULTS_QUEUE],
    )
  ).map((row) => Number(row['due']));

test('results that nobody stores wait on the spool when the queue is full, and follow in order', async () => {
  const { producer, spool, states } = await producing();
  let made = 0;
  const timer = setInterval(() => producer.add({ results: [resultOf('s', made++)] }), 5);
  try {
    await until('it says that the queue is full', () => /are not being stored/.test(states.at(-1) ?? ''));
    await until('results wait on the spool', () => spool.results > 20);
    const full = await count(RESULTS_QUEUE);
    assert.ok(full < 100, `${full} jobs in a queue for 10`);
    const more = spool.results;
    await until('still more', () => spool.results > more + 20);
    assert.ok((await count(RESULTS_QUEUE)) === full, 'nothing more goes into the queue');
  } finally {
    clearInterval(timer);
  }
  const stored: number[] = [];
  await until('all is stored by somebody at last', async () => {
    stored.push(...(await takenOut()));
    return stored.length >= made;
  });
  await until('it says that all is well', () => states.at(-1) === null && spool.empty);
  assert.deepEqual(
    stored,
    Array.from({ length: made }, (_, n) => n),
  );
  assert.equal(producer.counts.dropped, 0);
});

test('notices that were delivered push none out that is still waited for', async () => {
  await postgres.query(
    `INSERT INTO pgboss.job (name, data, state, created_on)
     SELECT $1, '{}', (CASE WHEN n = 1 THEN 'retry' ELSE 'completed' END)::pgboss.job_state, now() + n * interval '1 s'
     FROM generate_series(1, 50) n`,
    [NOTICES_QUEUE],
  );
  const { producer } = await producing();
  for (let n = 1; n <= SMALL.dead + 2; n += 1)
    await postgres.query(`INSERT INTO pgboss.job (name, data) VALUES ($1, '{}')`, [DEAD_QUEUE]);
  await until('it has looked', () => producer.trimmed.has(DEAD_QUEUE));
  assert.equal(await count(NOTICES_QUEUE), 50);
});

test('batches kept aside and notices that no channel takes are bounded: the oldest go, are counted and said', async () => {
  await postgres.query(
    `INSERT INTO pgboss.job (name, data, created_on)
     SELECT q, jsonb_build_object('n', n), now() + n * interval '1 s'
     FROM unnest($1::text[]) q, generate_series(1, 50) n`,
    [[DEAD_QUEUE, NOTICES_QUEUE]],
  );
  const { producer, log } = await producing();
  await until('they are trimmed', () => producer.trimmed.size === 2);
  assert.deepEqual([await count(DEAD_QUEUE), await count(NOTICES_QUEUE)], [5, 20]);
  assert.deepEqual([producer.trimmed.get(DEAD_QUEUE), producer.trimmed.get(NOTICES_QUEUE)], [45, 30]);
  const [oldest] = await postgres.query(
    `SELECT min((data->>'n')::int) AS n FROM pgboss.job WHERE name = $1`,
    [DEAD_QUEUE],
  );
  assert.equal(oldest?.['n'], 46);
  const said = log.lines.filter((line) => line['event'] === 'queue_trimmed');
  assert.deepEqual(
    said.map((line) => [line['queue'], line['jobs']]),
    [
      [DEAD_QUEUE, 45],
      [NOTICES_QUEUE, 30],
    ],
  );
});

test('an outage is seen also while nothing is sent, and its end', async () => {
  const { states } = await producing();
  await postgres.kill();
  await until('it is seen', () => states.at(-1) !== null);
  await postgres.start();
  await until('it is over', () => states.at(-1) === null);
});

test('the limits are those that are named', async () => {
  const limits = [
    [RESULTS_QUEUE, LIMITS.queued_batches.value],
    [DEAD_QUEUE, LIMITS.dead_batches.value],
    [NOTICES_QUEUE, LIMITS.queued_notices.value],
  ] as const;
  const { states, producer } = await producing(null);
  const fill = (more: number): Promise<unknown[]> =>
    Promise.all(
      limits.map(async ([queue, limit]) =>
        postgres.query(
          `INSERT INTO pgboss.job (name, data) SELECT $1, '{}' FROM generate_series(1, $2::int)`,
          [queue, limit + more - (await count(queue))],
        ),
      ),
    );
  await fill(0);
  await fill(1);
  await until('it says so', () => /are not being stored/.test(states.at(-1) ?? ''), 30_000);
  await until('the others are trimmed', () => producer.trimmed.size === 2);
  assert.deepEqual(
    limits.slice(1).map(([queue]) => producer.trimmed.get(queue)),
    [1, 1],
  );
});
