/** An outage may last for days: the memory of Matrix must not depend on it, and what is lost must be known. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

interface Said {
  readonly made: number;
  readonly onSpool: number;
  readonly dropped: number;
  readonly spoolBytes: number;
  readonly memoryBytes: number;
}

const MIB = 1024 * 1024;

test('memory and disk stay as they are from the first minutes on, and every result is accounted for', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mx-memory-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const probe = fileURLToPath(new URL('./memory-probe.js', import.meta.url));
  const child = fork(probe, [join(directory, 'spool')], { execArgv: ['--expose-gc'] });
  const said: Said[] = [];
  child.on('message', (message: Said) => said.push(message));
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
  assert.equal(said.length, 6);
  for (const { made, onSpool, dropped, spoolBytes } of said) {
    assert.equal(onSpool + dropped, made);
    assert.ok(spoolBytes <= 2 * MIB);
  }
  assert.ok((said.at(-1)?.dropped ?? 0) > 100_000, 'far more came than fits');
  const [second, last] = [said[1], said.at(-1)];
  const growth = (last?.memoryBytes ?? 0) - (second?.memoryBytes ?? 0);
  // What came between the two is some 60 MiB.
  assert.ok(growth < 6 * MIB, `${Math.round(growth / MIB)} MiB more than at the beginning`);
});
