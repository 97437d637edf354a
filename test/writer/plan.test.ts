/** What results do to the state of services, worked out without a database: for any sequence of them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Result, Verdict } from '../../src/contract/result.js';
import type { Directory, Entry } from '../../src/writer/directory.js';
import { batchAtFault, sessionLost } from '../../src/writer/failure.js';
import { plan } from '../../src/writer/plan.js';
import { resolve } from '../../src/writer/resolve.js';
import { type Effect, type ServiceState, transition } from '../../src/writer/transition.js';
import { resultOf } from '../queue/batch-kit.js';

const NOW = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

const verdicts = fc.constantFrom<Verdict>('pass', 'warn', 'fail', 'unknown');
/** Results of one service in order, a second apart; some failures are explained by another service. */
const sequence = fc
  .array(fc.record({ verdict: verdicts, explained: fc.boolean() }), { maxLength: 40 })
  .map((list) =>
    list.map(({ verdict, explained }, n) =>
      resultOf('a', NOW - HOUR_MS + n * 1_000, verdict, explained ? { explainedBy: 'wan' } : {}),
    ),
  );

function run(results: readonly Result[], from: ServiceState | null = null) {
  let state = from;
  const effects: Effect[] = [];
  for (const result of results) {
    const step = transition(state, result, NOW);
    state = step.state;
    effects.push(step.effect);
  }
  return { state, effects };
}

/** The rule in words: an outage begins with a failure that nothing explains and ends when it passes or warns. */
function outageOf(results: readonly Result[]): number | null {
  let since: number | null = null;
  for (const { verdict, explainedBy, startedAt } of results) {
    if (verdict === 'fail' && explainedBy === undefined) since ??= startedAt;
    if (verdict === 'pass' || verdict === 'warn') since = null;
  }
  return since;
}

describe('the state of a service', () => {
  test('knows the outage that goes on, since its first failure', () => {
    fc.assert(
      fc.property(sequence, (results) => {
        const { state } = run(results);
        assert.equal(state?.outageSince ?? null, outageOf(results));
        const last = results.at(-1);
        assert.equal(state?.verdict, last?.verdict);
        assert.equal(state?.dueAt, last?.dueAt);
      }),
    );
  });

  test('says since when its verdict has been what it is', () => {
    fc.assert(
      fc.property(sequence, (results) => {
        const { state } = run(results);
        const last = results.at(-1);
        const start = results.findLastIndex((result) => result.verdict !== last?.verdict) + 1;
        assert.equal(state?.since, results[start]?.startedAt);
      }),
    );
  });

  test('alerts once an outage, at its beginning, and tells each end', () => {
    fc.assert(
      fc.property(sequence, (results) => {
        const { effects } = run(results);
        let down = false;
        effects.forEach((effect, n) => {
          const before = outageOf(results.slice(0, n)) !== null;
          const after_ = outageOf(results.slice(0, n + 1)) !== null;
          assert.equal(effect.kind, !before && after_ ? 'outage' : before && !after_ ? 'recovery' : 'none');
          if (effect.kind !== 'none') {
            assert.equal(effect.kind === 'outage', !down, 'beginnings and ends take turns');
            down = !down;
          }
        });
      }),
    );
  });

  test('is the same whatever the batches, and whatever comes again or late', () => {
    fc.assert(
      fc.property(sequence, fc.array(fc.nat(), { maxLength: 10 }), (results, picks) => {
        const { state } = run(results);
        const late = picks.flatMap(
          (pick) => results.slice(0, -1)[pick % Math.max(1, results.length - 1)] ?? [],
        );
        const again = run(late, state);
        assert.deepEqual(again.state, state);
        assert.ok(again.effects.every((effect) => effect.kind === 'none'));
      }),
    );
  });

  test('from a clock that was an hour ahead does not silence the service for that hour', () => {
    const ahead = run([resultOf('a', NOW + HOUR_MS, 'pass')]);
    const { state, effects } = run([resultOf('a', NOW - 1_000, 'fail')], ahead.state);
    assert.equal(state?.verdict, 'fail');
    assert.deepEqual(effects, [{ kind: 'outage', severity: 'error' }]);
  });
});

let nextId = 1;
function entryOf(name: string, more: Partial<Entry> = {}): Entry {
  const base = { id: nextId++, name, family: 'http', target: name, intervalMs: 1_000, state: null };
  return { ...base, source: 'config', ...more };
}
const directoryOf = (...entries: Entry[]): Directory => new Map(entries.map((entry) => [entry.name, entry]));

describe('a plan', () => {
  test('counts every result once, in its hour and in its cycle', () => {
    const mixed = fc.array(
      fc.record({
        service: fc.constantFrom('a', 'b'),
        verdict: verdicts,
        at: fc.integer({ min: 0, max: 9_000 }),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(mixed, (list) => {
        const results = list.map(({ service, verdict, at }) =>
          resultOf(service, NOW - 9_000_000 + at * 1_000, verdict),
        );
        const work = plan(directoryOf(entryOf('a'), entryOf('b')), results, { cycleMs: 30_000, nowMs: NOW });
        for (const verdict of ['pass', 'warn', 'fail', 'unknown'] as const) {
          const made = list.filter((one) => one.verdict === verdict).length;
          const hours = [...work.uptime.values()].reduce((sum, hour) => sum + hour.counts[verdict], 0);
          const cycles = [...work.cycles.values()].reduce((sum, cycle) => sum + cycle.counts[verdict], 0);
          assert.deepEqual([hours, cycles], [made, made]);
        }
        for (const { hourMs } of work.uptime.values()) assert.equal(hourMs % HOUR_MS, 0);
        for (const ts of work.cycles.keys()) assert.equal(ts % 30_000, 0);
      }),
    );
  });

  test('is the same in one batch or in many', () => {
    fc.assert(
      fc.property(sequence, fc.nat(40), (results, at) => {
        const options = { cycleMs: 30_000, nowMs: NOW };
        const entry = entryOf('a');
        const whole = plan(directoryOf(entry), results, options);
        const first = plan(directoryOf(entry), results.slice(0, at), options);
        const second = plan(new Map([...directoryOf(entry), ...first.moved]), results.slice(at), options);
        assert.deepEqual((second.moved.get('a') ?? first.moved.get('a'))?.state, whole.moved.get('a')?.state);
        assert.deepEqual([...first.alerts, ...second.alerts], whole.alerts);
        assert.deepEqual([...first.notices, ...second.notices], whole.notices);
      }),
    );
  });

  test('tells of a second outage too: "works again" must not be the last word on a service that is down', () => {
    const results = (['fail', 'pass', 'fail'] as const).map((verdict, n) =>
      resultOf('a', NOW - 9_000 + n, verdict),
    );
    const work = plan(directoryOf(entryOf('a')), results, { cycleMs: 30_000, nowMs: NOW });
    assert.deepEqual(
      work.notices.map((notice) => notice.kind),
      ['outage', 'recovery', 'outage'],
    );
    assert.equal(work.notices[1]?.outageSince, results[0]?.startedAt);
  });
});

describe('which service a result belongs to', () => {
  const engine = entryOf('engine', { family: 'docker' });
  const found = (name: string, dueAt: number) =>
    entryOf(name, {
      family: 'docker',
      target: 'engine',
      source: 'discovered',
      state: run([resultOf(name, dueAt, 'pass', { target: 'engine' })]).state,
    });
  const call = (dueAt: number, names: readonly string[], verdict: Verdict = 'pass') =>
    ['engine', ...names].map((name) =>
      resultOf(name, dueAt, verdict, { target: 'engine', family: 'docker' }),
    );

  test('a stranger is left out, whatever it says; what a known target reports is taken in once', () => {
    const sent = [
      resultOf('stranger', NOW, 'fail'),
      resultOf('stranger/a', NOW, 'fail', { target: 'stranger' }),
      ...call(NOW - 2_000, ['engine/a', 'engine/b']),
      ...call(NOW - 1_000, ['engine/a', 'engine/b']),
    ];
    const { results, discovered, orphaned } = resolve(directoryOf(engine), sent, NOW);
    assert.equal(orphaned, 2);
    assert.equal(results.length, 6);
    assert.deepEqual(
      discovered.map((entry) => [entry.name, entry.target]),
      [
        ['engine/a', 'engine'],
        ['engine/b', 'engine'],
      ],
    );
  });

  test('a service of one target cannot be spoken of by another', () => {
    const { results, orphaned } = resolve(
      directoryOf(engine, entryOf('a')),
      [resultOf('a', NOW, 'fail', { target: 'engine' })],
      NOW,
    );
    assert.deepEqual([results.length, orphaned], [0, 1]);
  });

  test('what a call no longer reports becomes unknown once, and only by a newer call', () => {
    const directory = directoryOf(engine, found('engine/a', NOW - 5_000), found('engine/b', NOW - 5_000));
    const { results } = resolve(directory, call(NOW - 1_000, ['engine/a']), NOW);
    assert.deepEqual(
      results.filter((result) => result.code === 'not_reported').map((result) => result.service),
      ['engine/b'],
    );
    const work = plan(directory, results, { cycleMs: 30_000, nowMs: NOW });
    const after_ = new Map([...directory, ...work.moved]);
    assert.equal(resolve(after_, call(NOW, ['engine/a']), NOW).results.length, 2, 'not said again');
    assert.equal(
      resolve(directory, call(NOW - 9_000, []), NOW).results.length,
      1,
      'an old call says nothing new',
    );
  });

  test('an engine that cannot be seen makes its containers unknown, with its reason', () => {
    const directory = directoryOf(engine, found('engine/a', NOW - 5_000));
    const { results } = resolve(directory, call(NOW, [], 'fail'), NOW);
    assert.match(results[1]?.detail ?? '', /cannot be judged/);
  });

  test('Matrix speaks of itself when something is wrong, and ends that; it does not begin with good news', () => {
    const self = (verdict: Verdict) => resultOf('matrix-family-http', NOW, verdict, { family: 'matrix' });
    assert.deepEqual(resolve(new Map(), [self('pass')], NOW), { results: [], discovered: [], orphaned: 0 });
    const { discovered } = resolve(new Map(), [self('fail')], NOW);
    assert.equal(discovered.length, 1);
    const known = directoryOf(entryOf('matrix-family-http', { source: 'discovered' }));
    assert.equal(resolve(known, [self('pass')], NOW).results.length, 1);
  });

  test('a result that cannot be stored is left out alone, not with the batch that it came in', () => {
    const odd = [
      { dueAt: Number.NaN },
      { dueAt: 1e300 },
      { dueAt: -5 },
      { startedAt: Number.POSITIVE_INFINITY },
      { durationMs: Number.NaN },
      { dueAt: 253_402_300_800_000 },
    ];
    const sent = [
      ...odd.map((more) => resultOf('a', NOW, 'fail', more)),
      resultOf('a', NOW, 'pass', { durationMs: 1e300 }),
    ];
    const { results, orphaned } = resolve(directoryOf(entryOf('a')), sent, NOW);
    assert.equal(orphaned, odd.length);
    assert.equal(results.length, 1);
    assert.ok((results[0]?.durationMs ?? 1e300) < 3e38, 'fits a real');
  });
});

describe('an error of the transaction', () => {
  const coded = (code?: string, message = 'x'): Error => Object.assign(new Error(message), { code });

  test('puts a batch aside only when it is the batch’s own fault (results of a slow hour would be lost to sight)', () => {
    for (const code of ['22P02', '22008', '23514', '23505', '21000', '54000', undefined])
      assert.equal(batchAtFault(coded(code)), true, code);
    for (const code of ['57014', '55P03', '40P01', '42501', '42P01', '25006', '58030', '53100'])
      assert.equal(batchAtFault(coded(code)), false, code);
  });

  test('is told from a session that is gone', () => {
    for (const code of ['08006', '57P01', '57P03', '53300', 'ECONNRESET', 'EPIPE'])
      assert.equal(sessionLost(coded(code)), true, code);
    for (const message of [
      'Connection terminated unexpectedly',
      'Query read timeout',
      'Client was closed and is not queryable',
    ])
      assert.equal(sessionLost(coded(undefined, message)), true, message);
    for (const code of ['57014', '22P02', '40001']) assert.equal(sessionLost(coded(code)), false, code);
    assert.equal(sessionLost(new TypeError('x is not iterable')), false);
  });
});
