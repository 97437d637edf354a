/** What results do to the state of services, worked out without a database: for any sequence of them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Verdict } from '../../src/contract/result.js';
import { plan } from '../../src/writer/plan.js';
import { type Effect, type Made, type ServiceState, transition } from '../../src/writer/transition.js';
import { directoryOf, entryOf, madeOf, NOW } from './directory-kit.js';

const HOUR_MS = 3_600_000;

const verdicts = fc.constantFrom<Verdict>('pass', 'warn', 'fail', 'unknown');
/** Results of one service in order, a second apart; some failures are explained by another service. */
const sequence = fc
  .array(fc.record({ verdict: verdicts, explained: fc.boolean() }), { maxLength: 40 })
  .map((list) =>
    list.map(({ verdict, explained }, n) =>
      madeOf('a', NOW - HOUR_MS + n * 1_000, verdict, explained ? { explainedBy: 'wan' } : {}),
    ),
  );

function run(results: readonly Made[], from: ServiceState | null = null) {
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
function outageOf(results: readonly Made[]): number | null {
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
    const ahead = run([madeOf('a', NOW + HOUR_MS, 'pass')]);
    const { state, effects } = run([madeOf('a', NOW - 1_000, 'fail')], ahead.state);
    assert.equal(state?.verdict, 'fail');
    assert.deepEqual(effects, [{ kind: 'outage', severity: 'error' }]);
  });
});

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
          madeOf(service, NOW - 9_000_000 + at * 1_000, verdict),
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
      madeOf('a', NOW - 9_000 + n, verdict),
    );
    const work = plan(directoryOf(entryOf('a')), results, { cycleMs: 30_000, nowMs: NOW });
    assert.deepEqual(
      work.notices.map((notice) => notice.kind),
      ['outage', 'recovery', 'outage'],
    );
    assert.equal(work.notices[1]?.outageSince, results[0]?.startedAt);
  });
});
