/** Lost if this fails: the numbers are made, but say something else than what was measured. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type { Bench, Round } from '../../bench/harness/bench.js';
import { startMeter } from '../../bench/harness/meter.js';
import { readOptions } from '../../bench/harness/options.js';
import { choose } from '../../bench/harness/registry.js';
import { spread, summarise } from '../../bench/harness/summary.js';
import { table } from '../../bench/harness/table.js';

const unused = async (): Promise<never> => {
  throw new Error('not run here');
};
const bench: Bench = {
  name: 'sums',
  title: 'Sums',
  group: 'collector',
  unit: 'sum',
  compare: 'cpu',
  goal: { atLeast: 0.9 },
  peer: 'an abacus',
  ours: unused,
  bare: unused,
};
const round = (units: number, cpuMs: number, more: Partial<Round> = {}): Round => {
  return { units, seconds: 1, cpuMs: { node: cpuMs }, reportedCpuMs: {}, ...more };
};

test('half the work for the same CPU is a ratio of a half, and below the goal', () => {
  const pairs = [{ ours: round(500, 1000), bare: round(1000, 1000) }];
  const summary = summarise({ bench, pairs, problem: null });
  assert.equal(summary?.ratio.median, 0.5);
  assert.equal(summary?.reached, false);
  assert.equal(summary?.ours.cpuUsPerUnit.median, 2000);
  assert.equal(summary?.ours.unitsPerCore.median, 500);
});

test('every kind of process counts: PostgreSQL is part of what a result costs', () => {
  const ours = round(1000, 600, { cpuMs: { node: 600, postgres: 400 } });
  const summary = summarise({ bench, pairs: [{ ours, bare: round(1000, 1000) }], problem: null });
  assert.equal(summary?.ratio.median, 1);
  assert.equal(summary?.ours.cpuUsPerUnitBy['postgres']?.median, 400);
});

test('of times less is better, and a goal may be a difference', () => {
  const pairs = [{ ours: round(1, 1, { timesMs: [300] }), bare: round(1, 1, { timesMs: [200] }) }];
  const timed = { ...bench, compare: 'time' } as const;
  const reached = (goal: NonNullable<Bench['goal']>) =>
    summarise({ bench: { ...timed, goal }, pairs, problem: null })?.reached;
  assert.equal(summarise({ bench: timed, pairs, problem: null })?.ratio.median, 1.5);
  assert.deepEqual([reached({ atMost: 1.6 }), reached({ atMost: 1.4 })], [true, false]);
  assert.deepEqual([reached({ plusMs: 100 }), reached({ plusMs: 99 })], [true, false]);
});

test('the median of an even number of rounds lies between the two in the middle', () => {
  assert.deepEqual(spread([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
});

test('a bench that cannot run is named with its reason', () => {
  const lines = table([{ bench, pairs: [], problem: 'there is no abacus' }]);
  assert.deepEqual(lines, ['sums not run: there is no abacus']);
});

test('the CPU of a child process counts where it belongs, also after its end', {
  timeout: 60_000,
}, async () => {
  const burn = `const end = process.cpuUsage().user + 400e3; while (process.cpuUsage().user < end); console.log('done'); setInterval(() => {}, 1000)`;
  const child = spawn(process.execPath, ['-e', burn], { stdio: ['ignore', 'pipe', 'ignore'] });
  const meter = startMeter({ busy: [child.pid ?? 0], self: [process.pid] }, {});
  await once(child.stdout, 'data');
  const { cpuMs } = meter.stop({ units: 1 });
  assert.ok((cpuMs['busy'] ?? 0) >= 380, `the busy one used 400 ms, counted are ${cpuMs['busy']}`);
  const whole = startMeter({ self: [process.pid] }, {});
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  // The time of a child that has ended is its parent's from then on: nothing is counted twice, nothing is lost.
  assert.ok((whole.stop({ units: 1 }).cpuMs['self'] ?? 0) < 380);
});

test('groups and names choose; options that make no sense are refused', () => {
  const other: Bench = { ...bench, name: 'reads', group: 'front' };
  const names = (wanted: string[]) => choose([bench, other], wanted).map(({ name }) => name);
  assert.deepEqual([names([]), names(['front']), names(['sums'])], [['sums', 'reads'], ['reads'], ['sums']]);
  assert.throws(() => names(['fronts']), /no benchmark "fronts"/);
  assert.throws(() => readOptions(['--rounds', '0']), /--rounds must be/);
  assert.throws(() => readOptions(['--seconds', 'x']), /--seconds must be/);
  assert.deepEqual(readOptions(['http', '--only', 'disk']).wanted, ['disk', 'http']);
});
