/** What waits on disk while the database is away: in order, whole, bounded, and there after a power cut. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Batch } from '../../schema/messages.js';
import type { Result, Verdict } from '../../src/contract/result.js';
import { Spool } from '../../src/queue/spool.js';
import { batchOf, resultOf } from './batch-kit.js';

let root: string;
let next = 0;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'mx-spool-'));
});
after(() => rmSync(root, { recursive: true, force: true }));
const fresh = (): string => join(root, String(next++));

async function drain(spool: Spool): Promise<Batch[]> {
  const all: Batch[] = [];
  for (let oldest = await spool.oldest(); oldest !== null; oldest = await spool.oldest()) {
    all.push(...oldest.batches);
    await oldest.forget();
  }
  return all;
}
const ids = (batches: readonly Batch[]): string[] => batches.map((batch) => batch.id);
const passes = (count: number, from = 1_000): Result[] =>
  Array.from({ length: count }, (_, n) => resultOf(`s${n % 5}`, from + Math.floor(n / 5) * 1_000));

describe('what was appended', () => {
  test('comes back whole and in order, over many segments and a restart in between', async () => {
    const directory = fresh();
    const batches = Array.from({ length: 40 }, (_, n) => batchOf(passes(10, n * 10_000)));
    const spool = await Spool.open({ directory, segmentBytes: 10_000 });
    for (const batch of batches.slice(0, 25)) await spool.append([batch]);
    const again = await Spool.open({ directory, segmentBytes: 10_000 });
    assert.equal(again.bytes, spool.bytes);
    await again.append(batches.slice(25));
    assert.deepEqual(await drain(again), batches);
    assert.equal(again.empty, true);
    assert.equal(again.bytes, 0);
    assert.deepEqual(readdirSync(directory), []);
    assert.equal(again.droppedResults, 0);
    await Promise.all([spool.close(), again.close()]);
  });

  test('may be read while more comes; what is not forgotten is read again', async () => {
    const spool = await Spool.open({ directory: fresh() });
    const [first, second] = [batchOf(passes(1)), batchOf(passes(1))];
    await spool.append([first]);
    const oldest = await spool.oldest();
    await spool.append([second]);
    assert.deepEqual(ids((await spool.oldest())?.batches ?? []), [first.id]);
    await oldest?.forget();
    assert.deepEqual(ids(await drain(spool)), [second.id]);
  });

  test('is readable by its owner only: results name what a company runs', async () => {
    const directory = fresh();
    const spool = await Spool.open({ directory });
    await spool.append([batchOf(passes(1))]);
    assert.equal(statSync(directory).mode & 0o077, 0);
    assert.equal(statSync(join(directory, readdirSync(directory)[0] ?? '')).mode & 0o077, 0);
    await spool.close();
  });
});

describe('after a power cut', () => {
  test('a torn last line is left out and counted; everything before it is there', async () => {
    const directory = fresh();
    const spool = await Spool.open({ directory });
    const whole = [batchOf(passes(3)), batchOf(passes(3))];
    await spool.append(whole);
    await spool.close();
    const file = join(directory, readdirSync(directory)[0] ?? '');
    appendFileSync(file, JSON.stringify(batchOf(passes(3))).slice(0, -10));
    const again = await Spool.open({ directory });
    const later = batchOf(passes(1));
    await again.append([later]);
    assert.deepEqual(ids(await drain(again)), [...ids(whole), later.id]);
    assert.equal(again.droppedResults, 3);
    assert.equal(again.results, 0);
  });

  test('an empty segment and a half-written copy hold nothing up', async () => {
    const directory = fresh();
    mkdirSync(directory);
    writeFileSync(join(directory, '0000000001.jsonl'), '');
    writeFileSync(join(directory, '0000000001.jsonl.tmp'), '{"half');
    writeFileSync(join(directory, 'notes.txt'), 'not ours');
    const spool = await Spool.open({ directory });
    const batch = batchOf(passes(1));
    await spool.append([batch]);
    assert.deepEqual(ids(await drain(spool)), [batch.id]);
    assert.deepEqual(readdirSync(directory), ['notes.txt']);
  });
});

describe('a full disk', () => {
  test('loses no batch that was confirmed, spoils none that follows, and goes on when there is room', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('only root can make a small file system');
    const directory = fresh();
    mkdirSync(directory);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory]);
    try {
      const spool = await Spool.open({ directory });
      const confirmed: Batch[] = [];
      let refused = 0;
      const fill = async (): Promise<void> => {
        for (let n = 0; n < 40; n += 1) {
          const batch = batchOf(passes(20, n * 10_000));
          await spool.append([batch]).then(
            () => confirmed.push(batch),
            (error: NodeJS.ErrnoException) => {
              assert.equal(error.code, 'ENOSPC');
              refused += 1;
            },
          );
        }
      };
      await fill();
      assert.ok(refused > 0 && confirmed.length > 0);
      const small = batchOf([]);
      await spool.append([small]).then(
        () => confirmed.push(small),
        () => undefined,
      );
      const read = await drain(spool);
      assert.deepEqual(read, confirmed);
      assert.equal(spool.droppedResults, 0);
      confirmed.length = 0;
      await spool.append([batchOf(passes(1))]).then(() => undefined);
      assert.equal((await drain(spool)).length, 1, 'there is room again');
      await spool.close();
    } finally {
      execFileSync('umount', [directory]);
    }
  });
});

describe('a full spool', () => {
  test('stays within its bound, drops routine passes first, then the oldest, and counts each', async () => {
    const directory = fresh();
    const maxBytes = 60_000;
    const spool = await Spool.open({ directory, maxBytes, segmentBytes: 8_000 });
    let sent = 0;
    for (let n = 0; n < 120; n += 1) {
      const fails = [resultOf('down', n * 10_000, 'fail')];
      await spool.append([batchOf([...passes(10, n * 10_000), ...fails])]);
      sent += 11;
      assert.ok(spool.bytes <= maxBytes, `${spool.bytes} bytes`);
    }
    const kept = (await drain(spool)).flatMap((batch) => batch.results);
    assert.equal(kept.length + spool.droppedResults, sent);
    const failures = kept.filter((result) => result.verdict === 'fail').length;
    assert.ok(failures > 100, `${failures} of 120 failures are kept`);
    assert.ok(kept.filter((result) => result.verdict === 'pass').length < 700);
  });

  test('keeps declarations and cycles of what it strips: they tell who is watched', async () => {
    const spool = await Spool.open({ directory: fresh(), maxBytes: 20_000, segmentBytes: 4_000 });
    const declare = [{ name: 's0', family: 'http', intervalMs: 1_000, config: {} }];
    const cycle = { ts: 0, intervalMs: 30_000, expected: 10, skipped: 0 };
    await spool.append([batchOf(passes(20), { declare, cycles: [cycle] })]);
    for (let n = 0; n < 4; n += 1) await spool.append([batchOf(passes(20, n * 10_000))]);
    const [first] = await drain(spool);
    assert.deepEqual([first?.declare, first?.cycles], [declare, [cycle]]);
  });

  test('one segment that alone is too large is stripped before it is dropped', async () => {
    const spool = await Spool.open({ directory: fresh(), maxBytes: 12_000 });
    const failing = batchOf([...passes(40), resultOf('down', 1_000, 'fail')]);
    await spool.append([failing]);
    await spool.append([batchOf(passes(10))]);
    const kept = (await drain(spool)).flatMap((batch) => batch.results);
    assert.ok(kept.some((result) => result.service === 'down'));
  });

  test('drops and keeps whole calls: a service missing from a kept call would count as gone', async () => {
    const verdicts = fc.constantFrom<Verdict>('pass', 'pass', 'pass', 'warn', 'fail', 'unknown');
    const call = fc.array(verdicts, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 3, maxLength: 30 }), async (calls) => {
        const spool = await Spool.open({ directory: fresh(), maxBytes: 1_000_000 });
        const made = calls.map((list, n) =>
          list.map((verdict, m) =>
            resultOf(m === 0 ? 'engine' : `engine/${m}`, n * 1_000, verdict, { target: 'engine' }),
          ),
        );
        await spool.append([batchOf(made.flat())]);
        await spool.close();
        // Just full enough that the one segment must be stripped, and that stripping is enough.
        const full = await Spool.open({
          directory: join(root, String(next - 1)),
          maxBytes: spool.bytes + 10,
        });
        await full.append([batchOf([])]);
        const kept = (await drain(full)).flatMap((batch) => batch.results);
        const last = new Map<string, Verdict>();
        for (const results of made) {
          const present = kept.filter((result) => result.dueAt === results[0]?.dueAt);
          assert.ok(present.length === 0 || present.length === results.length, 'whole or not at all');
          const telling = results.some((r) => r.verdict !== 'pass' || last.get(r.service) !== 'pass');
          if (kept.length > 0) assert.equal(present.length > 0, telling);
          for (const result of results) last.set(result.service, result.verdict);
        }
        await full.close();
      }),
      { numRuns: 40 },
    );
  });
});
