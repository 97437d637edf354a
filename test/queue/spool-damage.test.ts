/** A spool that somebody or something damaged must not hold up what comes after it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Spool } from '../../src/queue/spool.js';
import { batchOf, resultOf } from './batch-kit.js';

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'mx-damage-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

/** Three segments of one batch each, the first of them damaged; what can still be read, and what is left. */
async function readAfter(name: string, damage: (segment: string) => void) {
  const directory = join(root, name);
  const spool = await Spool.open({ directory, segmentBytes: 1 });
  const batches = [1, 2, 3].map((n) => batchOf([resultOf('service', n * 1_000)]));
  for (const batch of batches) await spool.append([batch]);
  const [first] = readdirSync(directory).sort();
  assert.ok(first !== undefined);
  damage(join(directory, first));
  const read: string[] = [];
  for (let oldest = await spool.oldest(); oldest !== null; oldest = await spool.oldest()) {
    read.push(...oldest.batches.map((batch) => batch.id));
    await oldest.forget();
  }
  return { read, expected: batches.slice(1).map((batch) => batch.id), spool, left: readdirSync(directory) };
}

test('a segment that was removed is counted as lost; the others are stored', async () => {
  const { read, expected, spool, left } = await readAfter('removed', (segment) => rmSync(segment));
  assert.deepEqual(read, expected);
  assert.equal(spool.lostSegments, 1);
  assert.deepEqual(left, []);
});

test('one that cannot be read is set aside for a person to look at; the others are stored', async () => {
  const { read, expected, spool, left } = await readAfter('unreadable', (segment) => {
    rmSync(segment);
    mkdirSync(segment);
  });
  assert.deepEqual(read, expected);
  assert.equal(spool.lostSegments, 1);
  assert.equal(left.length, 1);
  assert.match(left[0] ?? '', /\.jsonl\.bad$/);
});

test('a FIFO or a directory of that name is set aside, whether it is there at the start or comes later', async () => {
  const { read, expected, left } = await readAfter('fifo', (segment) => {
    rmSync(segment);
    execFileSync('mkfifo', [segment]);
  });
  assert.deepEqual(read, expected);
  assert.match(left.join(), /^\d+\.jsonl\.bad$/);

  const directory = join(root, 'odd');
  mkdirSync(directory);
  execFileSync('mkfifo', [join(directory, '0000000003.jsonl')]);
  mkdirSync(join(directory, '0000000004.jsonl', 'full'), { recursive: true });
  mkdirSync(join(directory, '0000000004.jsonl.bad', 'full'), { recursive: true });
  mkdirSync(join(directory, '0000000005.jsonl.tmp'));
  const spool = await Spool.open({ directory });
  assert.deepEqual([spool.lostSegments, spool.empty], [2, true]);
  const batch = batchOf([resultOf('service', 1)]);
  await spool.append([batch]);
  assert.deepEqual((await spool.oldest())?.batches, [batch]);
  await spool.close();
});

test('the declaration outlives a spool that is full for ever, in front of what it explains', async () => {
  const directory = join(root, 'declared');
  const declared = (name: string) => [{ name, family: 'http', intervalMs: 1_000, config: {} }];
  const spool = await Spool.open({ directory, maxBytes: 20_000, segmentBytes: 3_000 });
  let made = 0;
  const fill = async (): Promise<void> => {
    for (let n = 0; n < 200; n += 1) await spool.append([batchOf([resultOf('s', made++, 'fail')])]);
  };
  await spool.append([batchOf([resultOf('s', made++)], { declare: declared('old') })]);
  await fill();
  await spool.append([batchOf([], { declare: declared('new') })]);
  await fill();
  await fill();
  assert.ok(spool.bytes <= 20_000);
  assert.equal(spool.results + spool.droppedResults, made);
  await spool.close();
  const again = await Spool.open({ directory });
  const first = await again.oldest();
  assert.deepEqual(
    first?.batches.map(({ declare }) => declare?.[0]?.name),
    ['new'],
  );
  assert.equal(again.results, spool.results);
});
