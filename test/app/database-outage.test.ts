/** People are told once that the database is away and once that it is back, whatever is killed meanwhile. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DatabaseOutage } from '../../src/app/database-outage.js';
import type { ProducerCounts } from '../../src/queue/counts.js';
import type { Notice } from '../../src/writer/plan.js';
import { memoryLog } from '../support/log.js';

let root: string;
let next = 0;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'mx-outage-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

/** A process with a clock that the test moves; `file` is that of an earlier process. */
async function running(file = join(root, String(next++))) {
  const time = { wall: 1_000_000, monotonic: 50 };
  const notices: Notice[] = [];
  const counts = { waited: 0, dropped: 0, onSpool: 0 };
  const world = { collects: true, refuses: false };
  const log = memoryLog();
  const outage = await DatabaseOutage.open({
    file,
    clock: { now: () => time.wall, monotonic: () => time.monotonic },
    collects: () => world.collects,
    counts: () => ({ ...counts, inMemory: 0, spoolBytes: 0, spoolMaxBytes: 1 }) satisfies ProducerCounts,
    deliver: async (notice) => void notices.push(notice),
    log,
  });
  /** Time passes, and it looks as often as it does. */
  const pass = async (seconds: number): Promise<void> => {
    for (let half = 0; half < 2 * seconds; half += 1) {
      time.wall += 500;
      time.monotonic += 500;
      await outage.look();
    }
  };
  const kinds = (): string[] => notices.map(({ kind }) => kind);
  return { outage, file, time, notices, kinds, counts, world, log, pass };
}

/** The same, with a database that has answered. */
async function wellRunning() {
  const process = await running();
  process.outage.hears(null);
  await process.pass(10);
  return process;
}

describe('an outage of the database', () => {
  test('is told once after some seconds, and its end with how long it took and what it cost', async () => {
    const { outage, notices, kinds, counts, pass, file } = await wellRunning();
    counts.waited = 7;
    outage.hears('it is gone');
    await pass(4);
    assert.deepEqual(kinds(), []);
    await pass(60);
    outage.hears('it is gone in another way');
    await pass(36);
    assert.deepEqual(kinds(), ['outage']);
    assert.match(notices[0]?.message ?? '', /^it is gone; /);
    Object.assign(counts, { waited: 1_007, dropped: 20, onSpool: 300 });
    outage.hears(null);
    await pass(10);
    assert.deepEqual(kinds(), ['outage'], 'it waits until it can say how much there was');
    counts.onSpool = 0;
    await pass(100);
    assert.deepEqual(kinds(), ['outage', 'recovery']);
    const end = notices[1];
    assert.equal(end?.message, '1000 results waited for it, 20 were dropped');
    assert.equal(((end?.at ?? 0) - (end?.outageSince ?? 0)) / 1000, 100);
    assert.equal(existsSync(file), false);
  });

  test('that is short is not told', async () => {
    const { outage, kinds, pass } = await wellRunning();
    for (let blip = 0; blip < 20; blip += 1) {
      outage.hears('gone');
      await pass(4);
      outage.hears(null);
      await pass(1);
    }
    assert.deepEqual(kinds(), []);
  });

  test('that comes and goes is one', async () => {
    const { outage, kinds, notices, pass } = await wellRunning();
    for (let turn = 0; turn < 10; turn += 1) {
      outage.hears('gone');
      await pass(8);
      outage.hears(null);
      await pass(2);
    }
    await pass(10);
    assert.deepEqual(kinds(), ['outage', 'recovery']);
    const end = notices[1];
    assert.equal(((end?.at ?? 0) - (end?.outageSince ?? 0)) / 1000, 98);
  });

  test('that follows another one is told again', async () => {
    const { outage, kinds, pass } = await wellRunning();
    for (let turn = 0; turn < 3; turn += 1) {
      outage.hears('gone');
      await pass(10);
      outage.hears(null);
      await pass(10);
    }
    assert.deepEqual(kinds(), ['outage', 'recovery', 'outage', 'recovery', 'outage', 'recovery']);
  });

  test('is left to the process that collects', async () => {
    const { outage, kinds, world, pass } = await wellRunning();
    world.collects = false;
    outage.hears('gone');
    await pass(30);
    outage.hears(null);
    await pass(30);
    assert.deepEqual(kinds(), []);
  });

  test('is not made of a database that only starts, but of one that does not come', async () => {
    const { kinds, pass, outage } = await running();
    outage.start();
    outage.close();
    await pass(12);
    assert.deepEqual(kinds(), []);
    await pass(20);
    assert.deepEqual(kinds(), ['outage']);
  });

  test('takes the time that it took, whatever is done to the clock meanwhile', async () => {
    const { outage, notices, time, pass } = await wellRunning();
    outage.hears('gone');
    await pass(20);
    time.wall -= 3_600_000;
    await pass(20);
    outage.hears(null);
    await pass(10);
    const end = notices[1];
    assert.equal(((end?.at ?? 0) - (end?.outageSince ?? 0)) / 1000, 40);
  });
});

describe('a process that is killed during the outage', () => {
  test('does not tell it again when it is back, and tells its end with what the first one dropped', async () => {
    const first = await wellRunning();
    first.outage.hears('gone');
    await first.pass(10);
    first.counts.dropped = 5;
    await first.pass(30);
    assert.deepEqual(first.kinds(), ['outage']);

    const second = await running(first.file);
    second.time.wall = first.time.wall + 60_000;
    Object.assign(second.counts, { waited: 40, dropped: 1 });
    await second.pass(30);
    assert.deepEqual(second.kinds(), []);
    second.outage.hears(null);
    await second.pass(10);
    assert.deepEqual(second.kinds(), ['recovery']);
    const [end] = second.notices;
    assert.equal(end?.message, '40 results waited for it, 6 were dropped');
    assert.equal(((end?.at ?? 0) - (end?.outageSince ?? 0)) / 1000, 40 + 60 + 30);

    const third = await running(first.file);
    third.outage.hears(null);
    await third.pass(30);
    assert.deepEqual(third.kinds(), []);
  });

  test('before it could tell: the next one does', async () => {
    const first = await wellRunning();
    first.outage.hears('gone');
    await first.pass(3);
    const second = await running(first.file);
    await second.pass(30);
    assert.deepEqual(second.kinds(), ['outage']);
  });

  test('after the end was told: nobody says it again', async () => {
    const first = await wellRunning();
    first.outage.hears('gone');
    await first.pass(10);
    first.outage.hears(null);
    await first.pass(10);
    const second = await running(first.file);
    second.outage.hears(null);
    await second.pass(10);
    assert.deepEqual([first.kinds(), second.kinds()], [['outage', 'recovery'], []]);
  });
});

test('a note that cannot be read or written is said once, and people are told all the same', async () => {
  const damaged = join(root, String(next++));
  writeFileSync(damaged, '{"since":"yesterday"}');
  const first = await running(damaged);
  assert.deepEqual(
    first.log.lines.map((line) => line['event']),
    ['outage_unread'],
  );
  const second = await running(join(root, 'no', 'such', 'directory'));
  second.outage.hears(null);
  second.outage.hears('the disk is full');
  await second.pass(60);
  second.outage.hears(null);
  await second.pass(60);
  assert.deepEqual(second.kinds(), ['outage', 'recovery']);
  assert.deepEqual(
    second.log.lines.map((line) => line['event']),
    ['outage_unsaved'],
  );
});
