/** kill -9 and power cuts at any moment: what was confirmed is there, in order, and nothing is there twice. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { Spool } from '../../src/queue/spool.js';
import { batchOf, resultOf } from './batch-kit.js';

let root: string;
let next = 0;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'mx-crash-'));
});
after(() => rmSync(root, { recursive: true, force: true }));
const fresh = (): string => join(root, String(next++));

async function drained(directory: string): Promise<string[]> {
  const spool = await Spool.open({ directory });
  const ids: string[] = [];
  for (let oldest = await spool.oldest(); oldest !== null; oldest = await spool.oldest()) {
    ids.push(...oldest.batches.map(({ id }) => id));
    await oldest.forget();
  }
  assert.deepEqual(readdirSync(directory), [], 'nothing is left lying about');
  assert.equal(spool.results, 0);
  return ids;
}

type Step = { readonly do: 'append'; readonly results: number } | { readonly do: 'forget' };
/** What a crash leaves of the write that was under way. */
interface Crash {
  readonly after: number;
  /** Share of a further append that reached the disk unconfirmed. */
  readonly torn: number;
  /** Share of a copy that had been begun. */
  readonly copy: number | null;
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('append' as const), results: fc.integer({ min: 0, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const) }) },
);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const crash: fc.Arbitrary<Crash> = fc.record({
  after: fc.nat(20),
  torn: share,
  copy: fc.option(share),
});

test('cut off at any byte of any step, it holds exactly what was confirmed and not forgotten', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 20 }),
      crash,
      async (steps, { after, torn, copy }) => {
        const [directory, image] = [fresh(), fresh()];
        const spool = await Spool.open({ directory, segmentBytes: 900 });
        const confirmed: string[] = [];
        for (const one of steps.slice(0, after)) {
          if (one.do === 'append') {
            const batch = batchOf(Array.from({ length: one.results }, (_, n) => resultOf('s', n)));
            await spool.append([batch]);
            confirmed.push(batch.id);
          } else {
            const oldest = await spool.oldest();
            if (oldest === null) continue;
            assert.deepEqual(
              oldest.batches.map(({ id }) => id),
              confirmed.slice(0, oldest.batches.length),
            );
            await oldest.forget();
            confirmed.splice(0, oldest.batches.length);
          }
        }
        const sizes = new Map(
          readdirSync(directory).map((name) => [name, readFileSync(join(directory, name)).length]),
        );
        const last = batchOf([resultOf('s', 99)]);
        await spool.append([last]);
        cpSync(directory, image, { recursive: true });
        await spool.close();
        let whole = false;
        for (const name of readdirSync(image)) {
          const full = readFileSync(join(image, name)).length;
          const known = sizes.get(name) ?? 0;
          if (full === known) continue;
          const size = known + Math.floor((full - known) * torn);
          truncateSync(join(image, name), size);
          // All but the line's end is all of it.
          whole = size >= full - 1;
        }
        const [first] = readdirSync(image).sort();
        if (copy !== null && first !== undefined) {
          const text = readFileSync(join(image, first));
          writeFileSync(join(image, `${first}.tmp`), text.subarray(0, Math.floor(text.length * copy)));
        }
        assert.deepEqual(await drained(image), whole ? [...confirmed, last.id] : confirmed);
        rmSync(directory, { recursive: true });
        rmSync(image, { recursive: true });
      },
    ),
    { numRuns: 150 },
  );
});

test('killed again and again while it writes and forgets, it loses nothing that was confirmed', async () => {
  const directory = fresh();
  const writer = fileURLToPath(new URL('./spool-writer.js', import.meta.url));
  /** On the disk, as far as is known, in order. */
  let confirmed: string[] = [];
  let appended = 0;
  for (let round = 0; round < 12; round += 1) {
    const child = fork(writer, [directory], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    // Its last words are on their way still when it is gone: they end with the channel.
    const ended = Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
    const limit = 15 + 9 * round;
    let said = 0;
    child.on('message', (message: { appended?: string; forgotten?: number }) => {
      if (message.appended !== undefined) {
        confirmed.push(message.appended);
        appended += 1;
      } else if (message.forgotten !== undefined) confirmed = confirmed.slice(message.forgotten);
      said += 1;
      if (said === limit) child.kill('SIGKILL');
    });
    await ended;
    const image = fresh();
    cpSync(directory, image, { recursive: true });
    const left = await drained(image);
    rmSync(image, { recursive: true });
    assert.equal(new Set(left).size, left.length);
    // One thing may have been done without a word of it: an append, or forgetting the oldest segment.
    const there = confirmed.filter((id) => left.includes(id));
    const forgotten = confirmed.length - there.length;
    assert.deepEqual(there, confirmed.slice(forgotten));
    const unconfirmed = left.length - there.length;
    assert.ok(unconfirmed === 0 || (unconfirmed === 1 && forgotten === 0), `${unconfirmed}, ${forgotten}`);
    assert.deepEqual(left.slice(0, there.length), there);
    confirmed = left;
  }
  assert.ok(appended > 200, `${appended} batches`);
});
