/** Lost if this fails: a target, or whoever adds and removes them, that takes the memory of the collector. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cycles } from '../../src/collector/cycles.js';
import { Timetable } from '../../src/collector/timetable.js';
import { systemClock } from '../../src/contract/clock.js';
import type { FamilySpec } from '../../src/contract/family.js';
import { LIMITS } from '../../src/contract/limits.js';
import { cleanText, type Result } from '../../src/contract/result.js';
import { runBatch } from '../../src/supervisor/probe-host.js';
import { targetOf } from '../collector/ticker-kit.js';

test('dead_dues: targets that come and go leave no more behind in the timing wheel', () => {
  const clock = { now: () => 1_700_000_000_000, monotonic: () => 1_000 };
  const timetable = new Timetable(clock, 30_000);
  const { value: most } = LIMITS.dead_dues;
  const day = 86_400_000;
  const stays = targetOf('stays', day);
  let swept = 0;
  for (let round = 0; round < 5 * most; round += 1) {
    const before = timetable.dead;
    timetable.set([stays, targetOf(`passing ${round}`, day)]);
    assert.ok(timetable.dead <= most);
    if (timetable.dead < before) swept += 1;
  }
  assert.ok(swept >= 3);
  assert.equal(timetable.size, 2);
  assert.notEqual(timetable.get('stays')?.nextAt, undefined);
});

test('open_cycles: checks that are never answered keep no more cycles open', () => {
  const cycles = new Cycles(1_000);
  const { value: most } = LIMITS.open_cycles;
  let closed = 0;
  for (let second = 0; second < 2 * most; second += 1) {
    cycles.began(second * 1_000);
    closed += cycles.close(second * 1_000).length;
    assert.ok(cycles.size <= most + 1);
  }
  assert.ok(closed >= most - 1);
});

test('facts, measurements and their texts: what a probe found is cut to what is kept', async () => {
  const { facts, measurements, fact_key_chars: key, fact_value_chars: value, detail_chars: detail } = LIMITS;
  const results: Result[] = [];
  const many = Array.from({ length: 3 * facts.value }, (_, index) => index);
  await runBatch(
    {
      spec: { name: 'fixture' } as FamilySpec,
      probe: async () => [
        {
          verdict: 'pass',
          detail: 'd'.repeat(2 * detail.value),
          facts: Object.fromEntries(many.map((index) => [`${index}`.padEnd(500, 'k'), 'v'.repeat(5_000)])),
          measurements: many.map((index) => ({ name: `m${index}`, value: index, unit: 'ms' })),
        },
      ],
      clock: systemClock,
      log: { debug: () => {}, info: () => {}, warn: () => {} },
      post: (message) => void results.push(...message.results),
    },
    { batch: 1, items: [{ name: 'one', dueAt: 1, timeoutMs: 5_000, config: { name: 'one' } }] },
  );
  const [result] = results;
  const kept = Object.entries(result?.facts ?? {});
  assert.equal(kept.length, facts.value);
  for (const [name, text] of kept)
    assert.deepEqual([name.length, String(text).length], [key.value, value.value]);
  assert.equal(result?.measurements?.length, measurements.value);
  assert.equal(result?.detail.length, detail.value);
  assert.equal(cleanText('d'.repeat(detail.value)).at(-1), 'd', 'one that fits is not cut');
});
