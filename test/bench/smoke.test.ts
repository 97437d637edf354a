/** Lost if this fails: nobody can tell any more what Matrix costs, or a change that makes it slow goes unseen. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MAIN = fileURLToPath(new URL('../../bench/main.js', import.meta.url));
const run = promisify(execFile);

interface Report {
  readonly environment: { readonly cores: number };
  readonly benches: readonly {
    readonly name: string;
    readonly problem: string | null;
    readonly summary: { readonly ratio: object } | null;
    readonly pairs: readonly Record<'ours' | 'bare', { readonly units: number; readonly cpuMs: object }>[];
  }[];
}

const NAMES = ['http', 'tls', 'disk', 'results', 'status-20', 'mcp', 'live-100', 'restart-thread'];

test('the benches of every group measure both of their sides', { timeout: 120_000 }, async () => {
  const tiny = ['--rounds', '1', '--seconds', '0.1', '--scale', '0.05', '--json', '-'];
  const { stdout } = await run(process.execPath, [MAIN, ...tiny, ...NAMES], { maxBuffer: 16 << 20 });
  const report = JSON.parse(stdout) as Report;
  assert.deepEqual(report.benches.map(({ name }) => name).sort(), [...NAMES].sort());
  for (const { name, problem, pairs, summary } of report.benches) {
    assert.equal(problem, null, name);
    assert.equal(pairs.length, 1, name);
    for (const side of ['ours', 'bare'] as const) {
      assert.ok((pairs[0]?.[side].units ?? 0) > 0, `${name}: ${side} did nothing`);
      assert.ok(Object.keys(pairs[0]?.[side].cpuMs ?? {}).length > 0, `${name}: ${side} counts no process`);
    }
    assert.notEqual(summary, null, name);
  }
  assert.ok(report.environment.cores > 0);
});

test('a name that is none is refused with those that are', { timeout: 60_000 }, async () => {
  const refused = run(process.execPath, [MAIN, '--only', 'htpp']);
  await assert.rejects(refused, (error: { code?: number; stderr?: string }) => {
    assert.equal(error.code, 2);
    assert.match(error.stderr ?? '', /no benchmark "htpp"; there are .*http/);
    return true;
  });
});
