/** Lost if this fails: a checker that finds nothing because it cannot find anything. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge, type Surroundings } from './check/judge.js';
import type { Stored } from './check/match.js';
import { outagesOf, wrongAlerts, wrongNotices } from './check/outages.js';
import { trueTime } from './check/store.js';
import { type Asked, CUT, NO_ANSWER } from './fixture/log.js';

const T0 = 1_800_000_000_000;
const calm: Surroundings = { kills: [], stalls: [], timeoutMs: 5_000 };

/** What a target answers once a second: its seventh to ninth answers are errors, then it cuts, then it is silent. */
const answers = (index: number): number => {
  if (index === 9) return CUT;
  if (index === 10) return NO_ANSWER;
  return (index >= 6 && index <= 8 ? 500 : 200) + index;
};
const asked: Asked[] = Array.from({ length: 40 }, (_, index) => ({
  target: 0,
  at: T0 + index * 1000,
  status: answers(index),
}));

/** The result that an honest monitor stores. */
function honest({ at, status }: Asked): Stored {
  const isAnswer = status !== CUT && status !== NO_ANSWER;
  return {
    target: 0,
    startedAt: at - 3,
    storedAt: at - 3,
    durationMs: status === NO_ANSWER ? 5_000 : 8,
    verdict: isAnswer && status < 300 ? 'pass' : 'fail',
    code: null,
    status: isAnswer ? status : null,
  };
}
const stored = asked.map(honest);
const without = (index: number): Stored[] => stored.filter((_, place) => place !== index);
const changed = (index: number, change: Partial<Stored>): Stored[] =>
  stored.map((result, place) => (place === index ? { ...result, ...change } : result));

const figures = (results: readonly Stored[], around: Surroundings = calm): number[] => {
  const { lost, inFlight, invented, falseDowns, missedDowns } = judge(asked, results, around);
  return [lost.length, inFlight.length, invented.length, falseDowns.length, missedDowns.length];
};

describe('the checker of chaos runs', () => {
  test('finds nothing wrong with an honest store', () => {
    assert.deepEqual(figures(stored), [0, 0, 0, 0, 0]);
  });

  test('finds every single result that is missing, unless its Matrix was killed then', () => {
    for (const [index, { at }] of asked.entries()) {
      assert.deepEqual(figures(without(index)), [1, 0, 0, 0, 0], `result ${index}`);
      assert.deepEqual(figures(without(index), { ...calm, kills: [at + 20] }), [0, 1, 0, 0, 0]);
      assert.deepEqual(figures(without(index), { ...calm, kills: [at + 60_000] }), [1, 0, 0, 0, 0]);
    }
  });

  test('finds a result that was stored twice, and one that nobody asked for', () => {
    const twice = [...stored, ...stored.slice(20, 21).map((result) => ({ ...result }))];
    assert.deepEqual(figures(twice.sort((a, b) => a.startedAt - b.startedAt)), [0, 0, 1, 0, 0]);
    const far = T0 + 20_500;
    assert.deepEqual(
      figures([...stored, { ...honest({ target: 0, at: far, status: 277 }) }]),
      [0, 0, 1, 0, 0],
    );
  });

  test('finds what is called down and answered, and what is called up and did not', () => {
    assert.deepEqual(figures(changed(20, { verdict: 'fail' })), [0, 0, 0, 1, 0]);
    assert.deepEqual(
      figures(changed(20, { verdict: 'fail', status: null, durationMs: 5_000 })),
      [0, 0, 0, 1, 0],
    );
    assert.deepEqual(figures(changed(7, { verdict: 'pass' })), [0, 0, 0, 0, 1]);
    assert.deepEqual(figures(changed(9, { verdict: 'warn' })), [0, 0, 0, 0, 1]);
  });

  test('a target that was itself too late to answer excuses a timeout, and nothing else', () => {
    const late = { ...calm, stalls: [{ at: T0 + 24_000, forMs: 4_000 }] };
    assert.deepEqual(
      figures(changed(20, { verdict: 'fail', status: null, durationMs: 5_000 }), late),
      [0, 0, 0, 0, 0],
    );
    assert.deepEqual(figures(without(20), late), [1, 0, 0, 0, 0]);
  });

  test('`unknown` is neither down nor up, and takes the place of the request that it stands for', () => {
    const { notJudged } = judge(asked, changed(20, { verdict: 'unknown', status: null }), calm);
    assert.equal(notJudged, 1);
    assert.deepEqual(figures(changed(7, { verdict: 'unknown', status: null })), [0, 0, 0, 0, 0]);
  });

  test('a request that a cut line delivered late belongs to the check that gave up on it', () => {
    const late = { target: 0, at: T0 + 23_000, status: 292 };
    const requests = [...asked.slice(0, 15), late, ...asked.slice(30)];
    const gaveUp = {
      ...honest({ target: 0, at: T0 + 15_000, status: NO_ANSWER }),
      verdict: 'unknown',
    } as const;
    const results = [...stored.slice(0, 15), { ...gaveUp, code: 'uplink_down' }, ...stored.slice(30)];
    assert.equal(judge(requests, results, calm).lost.length, 0);
    const neverSent = [...stored.slice(0, 15), { ...gaveUp, code: 'thread_hung' }, ...stored.slice(30)];
    assert.equal(judge(requests, neverSent, calm).lost.length, 1);
  });

  test('knows the outages, and every notice that is missing, doubled or at the wrong time', () => {
    const outages = outagesOf(stored);
    assert.deepEqual(outages, [{ from: T0 + 5_997, trueFrom: T0 + 5_997, to: T0 + 10_997 }]);
    const outage = { kind: 'outage', at: T0 + 5_997 } as const;
    const recovery = { kind: 'recovery', at: T0 + 10_997 } as const;
    assert.deepEqual(wrongNotices(outages, [outage, recovery]), []);
    assert.equal(wrongNotices(outages, [outage]).length, 1);
    assert.equal(wrongNotices(outages, [outage, outage, recovery]).length, 1);
    assert.equal(wrongNotices(outages, [outage, { ...recovery, at: recovery.at + 1 }]).length, 2);
    assert.equal(wrongNotices([], [outage]).length, 1);
  });

  test('wants one alert an outage, or an older one that nobody has acknowledged', () => {
    const outages = outagesOf(stored);
    const own = { createdAt: T0 + 5_997, trueCreatedAt: T0 + 5_997, ackedAt: null };
    const older = { createdAt: T0 - 50_000, trueCreatedAt: T0 - 50_000, ackedAt: null };
    const earlier = { from: older.createdAt, trueFrom: older.createdAt, to: older.createdAt + 1000 };
    assert.deepEqual(wrongAlerts(outages, [own]), []);
    assert.deepEqual(wrongAlerts([earlier, ...outages], [older]), []);
    assert.equal(wrongAlerts(outages, []).length, 1);
    assert.equal(wrongAlerts(outages, [own, own]).length, 1);
    assert.equal(wrongAlerts([], [own]).length, 1);
    const acknowledged = { ...older, ackedAt: T0 - 20_000 };
    assert.equal(wrongAlerts([earlier, ...outages], [acknowledged]).length, 1);
  });

  test('finds the true instant behind a clock that was stepped, also just around the step', () => {
    const hour = 3_600_000;
    const epochs = [
      { from: T0, offsetMs: 0 },
      { from: T0 + 10_000, offsetMs: -hour },
      { from: T0 + 20_000, offsetMs: 0 },
      { from: T0 + 30_000, offsetMs: hour },
    ];
    for (const [at, offset] of [
      [5_000, 0],
      [10_800, 0],
      [10_800, -hour],
      [20_700, -hour],
      [25_000, 0],
      [31_000, 0],
      [31_000, hour],
    ] as const) {
      assert.equal(trueTime(T0 + at + offset, epochs), T0 + at);
    }
  });
});
