/** A spool that somebody or something damaged must not hold up what comes after it. */
import assert from 'node:assert/strict';
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
