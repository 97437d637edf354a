/** Lost if this fails: one odd engine stops the watching of all others, or names that nobody can store come out of it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { LIMITS } from '../../src/contract/limits.js';
import { spec } from '../../workers/docker/spec.js';
import { assertSound, bounded, type FamilyProcess, startFamily } from './support/family-process.js';
import { type Engine, type EngineSays, engineSays, jsonEngine, rawEngine } from './support/hostile-engine.js';
import { answering, CATALOGUE, described } from './support/hostile-http.js';
import { limitMs, runs } from './support/runs.js';

const TIMEOUT_MS = 800;
const AT_ONCE = 8;
/** An engine's list is read whole before it is judged, up to a limit, in four calls; several checks at once. */
const GROWTH_BYTES = 400 * 1024 * 1024;
const limit = { timeout: limitMs(240_000) };

let docker: FamilyProcess;
let dir: string;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'matrix-fuzz-'));
  docker = await startFamily('docker');
});
after(async () => {
  await docker?.stop();
  rmSync(dir, { recursive: true, force: true });
});

let sockets = 0;
async function ask(start: (socket: string) => Promise<Engine>, input: string, timeoutMs = TIMEOUT_MS) {
  const engine = await start(join(dir, `${++sockets}.sock`));
  try {
    const results = await docker.ask({ socket: engine.socket }, timeoutMs);
    assertSound(spec, results, timeoutMs, input);
    const names = results.map(({ service }) => service);
    assert.equal(new Set(names).size, names.length, `a service twice for ${input}`);
    return results;
  } finally {
    await engine.close();
  }
}

const honest: EngineSays = {
  status: 200,
  version: '{"Version":"28.2.2"}',
  list: '[]',
  inspect: '{"State":{"Health":{"Log":[]}}}',
};

test('whatever the fields of an answer hold, each finding is coded and has a name', limit, () =>
  bounded([docker], () =>
    fc.assert(
      fc.asyncProperty(fc.array(engineSays, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (all) => {
        await Promise.all(all.map((says) => ask((socket) => jsonEngine(socket, says), JSON.stringify(says))));
      }),
      runs(15),
    ),
  ),
);

test('so are those of an engine that does not speak HTTP, or never ends', limit, () =>
  bounded(
    [docker],
    async () => {
      const plain = { chunk: null, everyMs: 0, end: 'hold', speaksFirst: false, cutAt: 1 } as const;
      // All at once as well: what one answer costs the thread, several must not add up to a hang.
      const tiny = CATALOGUE.filter(({ label }) => label === 'endless tiny chunks');
      await Promise.all(
        Array.from({ length: 4 }, () => tiny)
          .flat()
          .map((plan) => ask((socket) => rawEngine(socket, { ...plan, ...plain }), plan.label)),
      );
      for (const plan of CATALOGUE.filter(
        ({ endless, bytes }) => endless !== undefined || bytes.length > 1e6,
      )) {
        const how = { ...plan, ...plain };
        await ask((socket) => rawEngine(socket, how), described(how));
      }
      await fc.assert(
        fc.asyncProperty(fc.array(answering, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (all) => {
          await Promise.all(all.map((how) => ask((socket) => rawEngine(socket, how), described(how))));
        }),
        runs(2),
      );
    },
    GROWTH_BYTES,
  ),
);

test('an answer in more pieces than its size needs is refused, whatever it says', limit, async () => {
  const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
  const bytes = Buffer.from(
    `${head}${'1\r\n \r\n'.repeat(LIMITS.engine_pieces.value + 1)}2\r\n[]\r\n0\r\n\r\n`,
  );
  const plain = {
    chunk: null,
    everyMs: 0,
    end: 'hold',
    speaksFirst: false,
    cutAt: 1,
    mayPass: false,
  } as const;
  const [result] = await ask(
    (socket) => rawEngine(socket, { label: 'pieces', bytes, ...plain }),
    'pieces',
    20_000,
  );
  assert.equal(result?.code, 'engine_error');
  assert.match(result.detail, /more pieces than its size needs/);
});

test('huge lists cost bounded memory, and an honest one is judged whole', limit, () =>
  bounded(
    [docker],
    async () => {
      const id = (index: number) => index.toString(16).padStart(64, '0');
      const list = Array.from({ length: 10_000 }, (_, index) => ({
        Id: id(index),
        Names: [`/c${index}`],
        Image: 'app:1',
        State: 'running',
        Labels: { filler: 'x'.repeat(700) },
      }));
      const many = await ask(
        (socket) => jsonEngine(socket, { ...honest, list: JSON.stringify(list) }),
        '10,000',
        60_000,
      );
      assert.equal(many.length, 10_001);
      const amplified = ['[]', '{}', '0', '[[]]', '""'].map((item) => `[${`${item},`.repeat(4_000_000)}0]`);
      for (const text of [...amplified, '['.repeat(20_000_000), `"${'x'.repeat(60_000_000)}"`]) {
        const [only, ...more] = await ask(
          (socket) => jsonEngine(socket, { ...honest, list: text }),
          text.slice(0, 9),
          20_000,
        );
        assert.deepEqual([only?.code, more], ['engine_error', []]);
      }
    },
    GROWTH_BYTES,
  ),
);
