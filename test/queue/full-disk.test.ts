/** A disk that is full, read-only, or taken away while the database is away too: nothing is lost, nothing stays broken. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { Producer } from '../../src/queue/producer.js';
import { openBoss } from '../../src/queue/queues.js';
import { Spool, type SpoolOptions } from '../../src/queue/spool.js';
import { createPool } from '../../src/store/pool.js';
import { memoryLog } from '../support/log.js';
import { mountRefusal, mountTmpfs, type TestMount } from '../support/mounts.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';
import { batchOf, resultOf } from './batch-kit.js';

const skip = mountRefusal() ?? false;
let postgres: TestPostgres;
const undo: (() => Promise<void> | void)[] = [];

before(async () => {
  postgres = await startPostgres();
  const pool = createPool(postgres.url, { name: 'test' });
  const boss = await openBoss(pool, { maintain: true, onError: () => undefined });
  await boss.stop({ graceful: false });
  await pool.end();
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await postgres.query('DELETE FROM pgboss.job');
});
after(() => postgres.close());

function mount(size: string): TestMount {
  const disk = mountTmpfs(`size=${size}`);
  undo.push(() => disk.unmount());
  return disk;
}

/** Each append closes its file: the kernel lets nobody make a disk read-only on which one is open for writing. */
const CLOSED = { segmentBytes: 1 };

/** Whether it could be done; not while a file is being written. */
function remounted({ path }: TestMount, how: 'ro' | 'rw'): boolean {
  return spawnSync('mount', ['-o', `remount,${how}`, path]).status === 0;
}

/** A producer without a database, fed all the time with results 0, 1, 2… */
async function producing(disk: TestMount, options: Omit<SpoolOptions, 'directory'> = {}) {
  const log = memoryLog();
  const directory = join(disk.path, 'spool');
  const spool = await Spool.open({ directory, ...options });
  const producer = new Producer({ node: 'test', spool, log, onState: () => undefined });
  let made = 0;
  const timer = setInterval(() => {
    for (let n = 0; n < 20; n += 1) {
      // Failures only: none of them is routine.
      producer.add({ results: [resultOf(`s${made % 5}`, made++, 'fail', { detail: 'x'.repeat(200) })] });
    }
  }, 10);
  undo.push(async () => {
    clearInterval(timer);
    await producer.close();
  });
  const stop = (): number => {
    clearInterval(timer);
    return made;
  };
  const failed = (): boolean => log.lines.some((line) => line['event'] === 'spool_failed');
  return { producer, spool, directory, log, stop, failed, made: () => made };
}

async function arrived(count: number): Promise<number[]> {
  const read = async (): Promise<number[]> =>
    (
      await postgres.query(
        `SELECT (r.value->>'dueAt')::int AS due FROM pgboss.job j,
           jsonb_array_elements(j.data->'results') WITH ORDINALITY r
         WHERE name = 'matrix-results' ORDER BY j.created_on, r.ordinality`,
      )
    ).map((row) => Number(row['due']));
  await until('all of it is queued', async () => (await read()).length >= count, 60_000);
  return read();
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe('a disk that fails during an outage', { skip }, () => {
  test('full, and room again: nothing is lost and the order is kept', async () => {
    const disk = mount('2m');
    const { producer, spool, stop, failed, log } = await producing(disk);
    writeFileSync(join(disk.path, 'ballast'), Buffer.alloc(1_200_000));
    await until('the disk is full', () => failed() && producer.backlog > 500);
    const held = producer.backlog;
    await until('more waits in memory', () => producer.backlog > held + 500);
    assert.match(String(log.lines.find((line) => line['event'] === 'spool_failed')?.['error']), /ENOSPC/);
    rmSync(join(disk.path, 'ballast'));
    await until('memory is on the disk', () => producer.backlog < held && spool.results > held);
    const made = stop();
    producer.connect(postgres.url);
    assert.deepEqual(await arrived(made), upTo(made));
    assert.equal(producer.counts.dropped, 0);
    assert.equal(log.lines.filter((line) => line['event'] === 'spool_failed').length, 1, 'said once');
  });

  test('full although the database is back: what is on it is queued, and it is empty again', async () => {
    const disk = mount('1m');
    const { producer, spool, stop, failed } = await producing(disk);
    await until('the disk is full', () => failed() && producer.backlog > 1_000);
    const made = stop();
    producer.connect(postgres.url);
    assert.deepEqual(await arrived(made), upTo(made));
    await until(
      'the spool is empty',
      () => spool.empty && readdirSync(join(disk.path, 'spool')).length === 0,
    );
  });

  test('as full as the spool: making room needs no room, and every drop is counted', async () => {
    const disk = mount('1m');
    // What is left of the disk is less than a copy of one segment.
    const { producer, spool, stop, directory } = await producing(disk, { maxBytes: 1_000_000 });
    await until('results are dropped', () => producer.counts.dropped > 2_000, 60_000);
    const made = stop();
    await until('memory is on the disk', () => producer.backlog === 0);
    assert.ok(spool.bytes <= 1_000_000);
    assert.ok(!readdirSync(directory).some((name) => name.endsWith('.tmp')), 'no half copies are left');
    const { dropped } = producer.counts;
    producer.connect(postgres.url);
    const got = await arrived(made - dropped);
    assert.equal(got.length + dropped, made);
    assert.deepEqual(got, upTo(made).slice(dropped), 'the oldest went');
  });

  test('read-only, and writable again', async () => {
    const disk = mount('8m');
    const { producer, spool, stop, failed, log } = await producing(disk, CLOSED);
    await until('some is on the disk', () => spool.results > 100);
    await until('it is read-only', () => remounted(disk, 'ro'));
    await until('it waits in memory', () => failed() && producer.backlog > 500);
    assert.match(String(log.lines.find((line) => line['event'] === 'spool_failed')?.['error']), /EROFS/);
    remounted(disk, 'rw');
    await until('it is on the disk', () => producer.backlog < 200);
    const made = stop();
    producer.connect(postgres.url);
    assert.deepEqual(await arrived(made), upTo(made));
  });

  test('read-only when the database comes back: what is on it does not hold up what is new', async () => {
    const disk = mount('8m');
    const { producer, spool, stop, directory } = await producing(disk);
    await until('some is on the disk', () => spool.results > 100);
    const file = (): string | undefined => readdirSync(directory)[0];
    assert.ok(file() !== undefined);
    await producer.close();
    undo.splice(undo.length - 1, 1);
    const made = stop();
    const onDisk = spool.results;
    remounted(disk, 'ro');
    const again = new Producer({
      node: 'test',
      spool: await Spool.open({ directory }),
      log: memoryLog(),
      onState: () => undefined,
    });
    undo.push(() => again.close());
    again.connect(postgres.url);
    await arrived(onDisk);
    again.add({ results: [resultOf('s', made)] });
    const got = await arrived(onDisk + 1);
    assert.equal(got.at(-1), made);
    remounted(disk, 'rw');
  });

  test('removed with all that is in it: it is made anew, and what is lost is counted', async () => {
    const disk = mount('8m');
    const { producer, spool, stop, directory, made } = await producing(disk);
    await until('some is on the disk', () => spool.results > 500);
    renameSync(directory, `${directory}.gone`);
    rmSync(`${directory}.gone`, { recursive: true });
    const before = made();
    await until('later results are on the disk', () => made() > before + 500 && spool.results > 300);
    const all = stop();
    await until('memory is on the disk', () => producer.backlog === 0);
    producer.connect(postgres.url);
    await until('the spool is empty', () => spool.empty);
    const { dropped } = producer.counts;
    assert.ok(dropped > 0);
    const got = await arrived(all - dropped);
    assert.equal(got.length + dropped, all);
    assert.equal(got.at(-1), all - 1);
  });
});

test('a batch larger than the whole spool is dropped and counted, and the next one is kept', {
  skip,
}, async () => {
  const disk = mount('1m');
  const spool = await Spool.open({ directory: join(disk.path, 'spool'), maxBytes: 10_000 });
  await spool.append([batchOf([resultOf('s', 1, 'fail', { detail: 'x'.repeat(20_000) })])]);
  assert.deepEqual([spool.droppedResults, spool.empty], [1, true]);
  await spool.append([batchOf([resultOf('s', 2)])]);
  assert.equal(spool.results, 1);
  await spool.close();
});
