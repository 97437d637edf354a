/** A family that crashes over and over costs the others nothing: their checks are handed over as promptly as ever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../support/wait.js';
import { checked, collect } from './collector-kit.js';

const CHECKS = 100;
const TARGETS = 20;

interface Lags {
  /** Mean lag of either family, in seconds. */
  readonly wellS: number;
  readonly besideS: number;
  /** How often the thread of the one beside ended. */
  readonly ends: number;
}

/** How promptly the checks of a family are handed over beside one whose probes do this. */
async function lagsBeside(does: string): Promise<Lags> {
  const targets = Array.from({ length: TARGETS }, (_, index) => [
    checked('well', index),
    checked('beside', index, does),
  ]);
  const { collector, events, stop } = await collect(targets.flat());
  const lag = (family: string, part: 'sum' | 'count'): number =>
    collector
      .samples()
      .find(
        ({ name, labels }) => name === `matrix_schedule_lag_seconds_${part}` && labels['family'] === family,
      )?.value ?? 0;
  const mean = (family: string): number => lag(family, 'sum') / lag(family, 'count');
  try {
    await until('many checks', () => lag('well', 'count') >= CHECKS);
    await until('many ends', () => does === 'pass' || events.some(({ kind }) => kind === 'exhausted'));
    const ends = events.filter(({ kind }) => kind === 'exited');
    assert.ok(
      ends.every(({ id }) => id === 'probe:beside'),
      'nobody else was ended',
    );
    return { wellS: mean('well'), besideS: mean('beside'), ends: ends.length };
  } finally {
    await stop();
  }
}

test('the lag of a family is its own, whatever another one does', async () => {
  const calm = await lagsBeside('pass');
  const crash = await lagsBeside('exit');
  assert.equal(calm.ends, 0);
  assert.ok(crash.ends > 5, `${crash.ends} ends`);
  const ms = (seconds: number): string => `${(seconds * 1000).toFixed(1)} ms`;
  const said = `${ms(calm.wellS)} in calm, ${ms(crash.wellS)} beside a crash loop that has ${ms(crash.besideS)} itself`;
  // One that waited for the other would be as late as that one: by its pauses, and by its thread's loading.
  assert.ok(crash.besideS > 3 * crash.wellS, said);
  assert.ok(crash.wellS < 5 * calm.wellS + 0.02, said);
});
