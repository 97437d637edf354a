/**
 * Lost if this fails: somebody is woken twice, or never, because a batch came twice, late, or while a clock was set.
 * Any history of checks, cut into any batches and transactions, with crashes and replays, against the plain rule.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Result, Verdict } from '../../src/contract/result.js';
import { resultOf } from '../queue/batch-kit.js';
import { entryOf, NOW } from './directory-kit.js';
import { idOf, type ModelBatch, ModelWriter, plainly } from './model.js';

const SERVICES = ['a', 'b'] as const;
const HOUR_MS = 3_600_000;
const runs = { numRuns: 400 };

const checks = fc.array(
  fc.record({
    service: fc.constantFrom(...SERVICES),
    verdict: fc.constantFrom<Verdict>('pass', 'pass', 'fail', 'fail', 'warn', 'unknown'),
    isExplained: fc.boolean(),
    afterMs: fc.integer({ min: 1, max: 30_000 }),
    stepMs: fc.constantFrom(0, 0, 0, 0, 0, 0, HOUR_MS, -HOUR_MS, -90_000, 5_000),
    endsBatch: fc.boolean(),
  }),
  { maxLength: 40 },
);
/** How batches are stored: how many at once, whether it is tried before in vain, what comes again with them. */
const storing = fc.array(
  fc.record({
    size: fc.integer({ min: 1, max: 6 }),
    failsFirst: fc.boolean(),
    again: fc.option(fc.nat()),
    lateMs: fc.constantFrom(0, 1_000, 2 * HOUR_MS, -HOUR_MS),
  }),
  { minLength: 1, maxLength: 8 },
);
type Checks = typeof checks extends fc.Arbitrary<infer T> ? T : never;
type Storing = typeof storing extends fc.Arbitrary<infer T> ? T : never;

/** What a process makes of these checks, by a clock that is set now and then. */
function make(list: Checks, maker: number): { batches: ModelBatch[]; results: Result[] } {
  const taken = new Set<number>();
  const batches: { id: string; results: Result[] }[] = [];
  let clock = NOW;
  let open = false;
  for (const { service, verdict, isExplained, afterMs, stepMs, endsBatch } of list) {
    clock += afterMs + stepMs;
    let dueAt = clock;
    // As the ticker does: no instant comes twice.
    while (taken.has(dueAt)) dueAt += 1;
    taken.add(dueAt);
    if (!open) batches.push({ id: idOf(maker, batches.length), results: [] });
    const more = isExplained && verdict === 'fail' ? { explainedBy: 'wan' } : {};
    batches.at(-1)?.results.push(resultOf(service, dueAt, verdict, more));
    open = !endsBatch;
  }
  return { batches, results: batches.flatMap((batch) => batch.results) };
}

const newWriter = (): ModelWriter =>
  new ModelWriter(...[...SERVICES, 'engine'].map((name) => entryOf(name, { intervalMs: 30_000 })));

/** Stores them in this way, over and over until all are stored; `at`: the instant, if it is not that of the checks. */
function store(batches: readonly ModelBatch[], ways: Storing, at?: number): ModelWriter {
  const writer = newWriter();
  for (let from = 0, round = 0; from < batches.length; round += 1) {
    const way = ways[round % ways.length];
    if (way === undefined) break;
    const { size, failsFirst, again, lateMs } = way;
    const taken = batches.slice(from, from + size);
    const nowMs = at ?? (taken.at(-1)?.results.at(-1)?.dueAt ?? NOW) + lateMs;
    if (failsFirst) writer.transact(taken, nowMs, false);
    // A batch that was sent again sorts before those that are newer, as it does in the queue.
    const replayed = again === null ? [] : batches.slice(again % (from + 1), (again % (from + 1)) + 1);
    writer.transact([...replayed, ...taken], nowMs, true);
    from += size;
  }
  return writer;
}

/** Both sides of what is told of a service. */
function sidesOf(writer: ModelWriter, results: readonly Result[], service: string) {
  const plain = plainly(results.filter((result) => result.service === service));
  const told = writer.told.filter((notice) => notice.service === service);
  return { plain, told, state: writer.directory.get(service)?.state ?? null };
}

describe('whatever the checks, the clock, the batches, the crashes and the replays', () => {
  test('what is told, and what is true in the end, is what the plain rule says', () => {
    fc.assert(
      fc.property(checks, storing, (list, ways) => {
        const { batches, results } = make(list, 1);
        const writer = store(batches, ways);
        for (const service of SERVICES) {
          const { plain, told, state } = sidesOf(writer, results, service);
          assert.deepEqual(
            told.map(({ kind, at, outageSince }) => ({ kind, at, outageSince })),
            plain.told,
          );
          assert.equal(state?.outageSince ?? null, plain.outageSince);
          assert.equal(state?.verdict ?? null, plain.last?.verdict ?? null);
          assert.equal(state?.dueAt ?? null, plain.last?.dueAt ?? null);
        }
      }),
      runs,
    );
  });

  test('every result is stored once, and its time counted once', () => {
    fc.assert(
      fc.property(checks, storing, (list, ways) => {
        const { batches, results } = make(list, 1);
        const writer = store(batches, ways);
        assert.equal(writer.stored.size, results.length);
        const sum = [...writer.observedMs.values()].reduce((all, ms) => all + ms, 0);
        assert.equal(sum, results.length * 30_000);
      }),
      runs,
    );
  });

  test('beginnings and ends take turns; no alert without a failure, none that an unknown opened or ended', () => {
    fc.assert(
      fc.property(checks, storing, (list, ways) => {
        const { batches, results } = make(list, 1);
        const writer = store(batches, ways);
        const verdictAt = new Map(results.map((result) => [`${result.service} ${result.startedAt}`, result]));
        for (const service of SERVICES) {
          const { told, state } = sidesOf(writer, results, service);
          told.forEach((notice, n) => {
            assert.equal(notice.kind, n % 2 === 0 ? 'outage' : 'recovery');
            const cause = verdictAt.get(`${service} ${notice.at}`)?.verdict;
            if (notice.kind === 'outage') assert.equal(cause, 'fail');
            else assert.ok(cause === 'pass' || cause === 'warn', cause);
          });
          assert.equal(told.length % 2 === 1, state !== null && state.outageSince !== null);
          const outages = told.filter(({ kind }) => kind === 'outage').map(({ at }) => at);
          const alerts = writer.alerts.filter((alert) => alert.service === service);
          assert.deepEqual(
            alerts.map(({ createdAt }) => createdAt),
            outages,
          );
        }
      }),
      runs,
    );
  });

  test('the same is stored, and known in the end, as in one go', () => {
    fc.assert(
      fc.property(checks, storing, (list, ways) => {
        const { batches } = make(list, 1);
        const whole = newWriter();
        whole.transact(batches, NOW, true);
        const writer = store(batches, ways);
        for (const service of SERVICES) {
          assert.deepEqual(writer.directory.get(service)?.state, whole.directory.get(service)?.state);
        }
        assert.deepEqual([...writer.stored.keys()].sort(), [...whole.stored.keys()].sort());
      }),
      runs,
    );
  });
});

describe('two processes, one after the other', () => {
  const steady = checks.map((list) => list.map((check) => ({ ...check, stepMs: 0 })));

  test('what the first one kept on its disk and sends late is history: it alerts nobody', () => {
    fc.assert(
      fc.property(steady, steady, storing, fc.nat(), (earlier, later, ways, cut) => {
        const first = make(earlier, 1);
        const wait = [{ service: 'a', verdict: 'pass', isExplained: false, afterMs: 1_300_000 } as const];
        const gap = wait.map((check) => ({ ...check, stepMs: 0, endsBatch: true }));
        const second = make([...gap, ...later], 2);
        const at = cut % (first.batches.length + 1);
        const [sent, kept] = [first.batches.slice(0, at), first.batches.slice(at)];
        const writer = store([...sent, ...second.batches, ...kept], ways, NOW + 2 * HOUR_MS);
        const heard = [...sent, ...second.batches].flatMap((batch) => batch.results);
        const { plain, told, state } = sidesOf(writer, heard, 'a');
        assert.deepEqual(
          told.map(({ kind, at: when }) => ({ kind, at: when })),
          plain.told.map(({ kind, at: when }) => ({ kind, at: when })),
        );
        assert.equal(state?.dueAt, plain.last?.dueAt);
        assert.equal(writer.stored.size, first.results.length + second.results.length);
      }),
      runs,
    );
  });
});

describe('an engine and what it reports', () => {
  const names = ['engine/x', 'engine/y', 'engine/z'];
  const calls = fc.array(
    fc.record({
      reported: fc.subarray(names),
      endsBatch: fc.boolean(),
      verdict: fc.constantFrom('pass', 'fail'),
    }),
    { maxLength: 25 },
  );

  function callsOf(list: typeof calls extends fc.Arbitrary<infer T> ? T : never): ModelBatch[] {
    const batches: { id: string; results: Result[] }[] = [];
    let open = false;
    list.forEach(({ reported, endsBatch, verdict }, n) => {
      if (!open) batches.push({ id: idOf(1, n), results: [] });
      const of = (name: string, found: Verdict) =>
        resultOf(name, NOW + n * 30_000, found, { target: 'engine', family: 'docker' });
      // An engine that fails sees nothing.
      const seen = verdict === 'pass' ? reported.map((name) => of(name, 'pass')) : [];
      batches.at(-1)?.results.push(...seen.slice(0, 1), of('engine', verdict as Verdict), ...seen.slice(1));
      open = !endsBatch;
    });
    return batches;
  }

  test('what is gone is told at the first call that misses it, once, however the calls are stored', () => {
    fc.assert(
      fc.property(calls, storing, (list, ways) => {
        const writer = store(callsOf(list), ways);
        const expected: string[] = [];
        for (const name of names) {
          let known: 'never' | 'there' | 'gone' = 'never';
          list.forEach(({ reported, verdict }, n) => {
            if (verdict === 'pass' && reported.includes(name)) known = 'there';
            else if (known === 'there') {
              known = 'gone';
              expected.push(`${name} ${NOW + n * 30_000}`);
            }
          });
        }
        const gone = [...writer.stored].filter(([, result]) => result.code === 'not_reported');
        assert.deepEqual(gone.map(([key]) => key).sort(), expected.sort());
        assert.ok(gone.every(([, result]) => result.verdict === 'unknown'));
      }),
      runs,
    );
  });
});
