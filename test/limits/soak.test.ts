/** Lost if this fails: a Matrix that lives through a long outage and is the larger the longer that takes. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LIMITS, type LimitName } from '../../src/contract/limits.js';

interface Said {
  readonly second: number;
  readonly round: number;
  readonly memoryBytes: number;
  readonly made: number;
  readonly dropped: number;
  readonly used: Readonly<Partial<Record<LimitName, number>>>;
}

const MIB = 2 ** 20;
const SPOOL_BYTES = 1 * MIB;
const SECONDS = 12;

test('collecting without a database is as large at the end as in the middle, within every limit', {
  timeout: 120_000,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mx-soak-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = fileURLToPath(new URL('./soak-child.js', import.meta.url));
  const child = fork(file, [join(directory, 'spool'), String(SPOOL_BYTES), String(SECONDS)], {
    execArgv: ['--expose-gc'],
  });
  t.after(() => child.kill('SIGKILL'));
  const said: Said[] = [];
  child.on('message', (message: Said) => said.push(message));
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
  assert.equal(said.length, SECONDS);
  for (const { second, used } of said) {
    for (const [name, value] of Object.entries(used) as [LimitName, number][]) {
      const most = name === 'spool' ? SPOOL_BYTES : LIMITS[name].value;
      assert.ok(value <= most, `${name} is ${value} after ${second} s`);
    }
  }
  const [middle, last] = [said[SECONDS / 2 - 1], said.at(-1)];
  assert.ok(middle !== undefined && last !== undefined);
  assert.ok(last.dropped > middle.dropped && middle.dropped > 0, 'the spool was full all the time');
  assert.ok(last.round > 1.5 * middle.round, 'targets came and went all the time');
  assert.ok((last.used.configured_targets ?? 0) > 0, 'what is used is told');
  const growth = last.memoryBytes - middle.memoryBytes;
  assert.ok(growth < 2 * MIB, `${(growth / MIB).toFixed(1)} MiB more than in the middle`);
});
