/** Whose result it is, and whose fault an error is: worked out without a database. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LIMITS } from '../../src/contract/limits.js';
import type { Verdict } from '../../src/contract/result.js';
import { batchAtFault, sessionLost } from '../../src/writer/failure.js';
import { plan } from '../../src/writer/plan.js';
import { resolve } from '../../src/writer/resolve.js';
import { transition } from '../../src/writer/transition.js';
import { directoryOf, entryOf, madeOf, NOW } from './directory-kit.js';

describe('which service a result belongs to', () => {
  const engine = entryOf('engine', { family: 'docker' });
  const found = (name: string, dueAt: number) =>
    entryOf(name, {
      family: 'docker',
      target: 'engine',
      source: 'discovered',
      state: transition(null, madeOf(name, dueAt, 'pass', { target: 'engine' }), NOW).state,
    });
  const call = (dueAt: number, names: readonly string[], verdict: Verdict = 'pass') =>
    ['engine', ...names].map((name) => madeOf(name, dueAt, verdict, { target: 'engine', family: 'docker' }));

  test('a stranger is left out, whatever it says; what a known target reports is taken in once', () => {
    const sent = [
      madeOf('stranger', NOW, 'fail'),
      madeOf('stranger/a', NOW, 'fail', { target: 'stranger' }),
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
      [madeOf('a', NOW, 'fail', { target: 'engine' })],
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
    const self = (verdict: Verdict) => madeOf('matrix-family-http', NOW, verdict, { family: 'matrix' });
    assert.deepEqual(resolve(new Map(), [self('pass')], NOW), { results: [], discovered: [], orphaned: 0 });
    const { discovered } = resolve(new Map(), [self('fail')], NOW);
    assert.equal(discovered.length, 1);
    const known = directoryOf(entryOf('matrix-family-http', { source: 'discovered' }));
    assert.equal(resolve(known, [self('pass')], NOW).results.length, 1);
  });

  test('a target brings in so many services and no more; its own result says what is left out', () => {
    const most = LIMITS.discovered_services.value;
    const names = Array.from({ length: most + 100 }, (_, n) => `engine/${n}`);
    const first = resolve(directoryOf(engine), call(NOW, names), NOW);
    assert.deepEqual([first.discovered.length, first.orphaned], [most, 100]);
    const own = first.results.find((result) => result.service === 'engine');
    assert.match(
      own?.detail ?? '',
      /^pass at \d+; 100 of its services are left out, for at most 2000 are watched$/,
    );
    const known = directoryOf(engine, ...names.slice(0, most).map((name) => found(name, NOW - 5_000)));
    const next = resolve(known, call(NOW, ['engine/new', ...names.slice(0, most)]), NOW);
    assert.deepEqual([next.discovered.length, next.orphaned, next.results.length], [0, 1, most + 1]);
    const others = directoryOf(...known.values(), entryOf('other', { family: 'docker' }));
    const otherCall = [madeOf('other/a', NOW, 'pass', { target: 'other', family: 'docker' })];
    assert.equal(resolve(others, otherCall, NOW).discovered.length, 1, 'each target for itself');
    const long = 'x'.repeat(LIMITS.detail_chars.value);
    const talkative = call(NOW, names).map((result) => ({ ...result, detail: long }));
    const told = resolve(directoryOf(engine), talkative, NOW).results[0]?.detail ?? '';
    assert.ok(told.length <= LIMITS.detail_chars.value && told.endsWith('are watched'));
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
      ...odd.map((more) => madeOf('a', NOW, 'fail', more)),
      madeOf('a', NOW, 'pass', { durationMs: 1e300 }),
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
