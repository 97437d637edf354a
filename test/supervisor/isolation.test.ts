/** A family that crashes over and over costs the others nothing: their checks are handed over as promptly as ever. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Collector } from '../../src/collector/collector.js';
import type { Target } from '../../src/config/settings.js';
import { systemClock } from '../../src/contract/clock.js';
import type { FamilySpec } from '../../src/contract/family.js';
import { Producer } from '../../src/queue/producer.js';
import { Spool } from '../../src/queue/spool.js';
import type { SupervisionEvent } from '../../src/supervisor/child.js';
import { memoryLog } from '../support/log.js';
import { until } from '../support/wait.js';

const directory = mkdtempSync(join(tmpdir(), 'mx-isolation-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const CHECKS = 100;

const target = (family: string, index: number, does: string): Target => {
  const name = `${family}-${index}`;
  return {
    family,
    name,
    intervalMs: 1_000,
    timeoutMs: 1_000,
    overUplink: false,
    config: { name, does } as Target['config'],
  };
};

interface Lags {
  /** Mean lag of either family, in seconds. */
  readonly wellS: number;
  readonly besideS: number;
  /** How often the thread of the one beside ended. */
  readonly ends: number;
}

/** How promptly the checks of a family are handed over beside one whose probes do this. */
async function lagsBeside(does: string): Promise<Lags> {
  const spool = await Spool.open({ directory: join(directory, does) });
  const producer = new Producer({ node: 'test', spool, onState: () => undefined, log: memoryLog() });
  const events: SupervisionEvent[] = [];
  const collector = new Collector({
    clock: systemClock,
    cycleMs: 2_000,
    families: new Map(['well', 'beside'].map((name) => [name, { name } as FamilySpec])),
    probeFile: new URL('../support/probe-fixture.js', import.meta.url),
    logging: {},
    producer,
    onEvent: (event) => void events.push(event),
    log: memoryLog(),
  });
  const lag = (family: string, part: 'sum' | 'count'): number =>
    collector
      .samples()
      .find(
        ({ name, labels }) => name === `matrix_schedule_lag_seconds_${part}` && labels['family'] === family,
      )?.value ?? 0;
  const mean = (family: string): number => lag(family, 'sum') / lag(family, 'count');
  try {
    const targets = Array.from({ length: 20 }, (_, index) => [
      target('well', index, 'pass'),
      target('beside', index, does),
    ]);
    await collector.start(targets.flat());
    collector.lead();
    await until('many checks', () => lag('well', 'count') >= CHECKS);
    await until('many ends', () => does === 'pass' || events.some(({ kind }) => kind === 'exhausted'));
    const ends = events.filter(({ kind }) => kind === 'exited');
    assert.ok(
      ends.every(({ id }) => id === 'probe:beside'),
      'nobody else was ended',
    );
    return { wellS: mean('well'), besideS: mean('beside'), ends: ends.length };
  } finally {
    await collector.stop(3_000);
    await producer.close();
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
