/** Lost if this fails: one hostile or broken endpoint stops or blows up the watching of all the others. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Result } from '../../src/contract/result.js';
import { spec as httpSpec } from '../../workers/http/spec.js';
import { spec as tunnelSpec } from '../../workers/tunnel/spec.js';
import { targetOf } from '../support/probing.js';
import { tcpServer } from '../support/servers.js';
import { assertSound, bounded, type FamilyProcess, startFamily } from './support/family-process.js';
import { type Answering, answering, CATALOGUE, described, play } from './support/hostile-http.js';
import { limitMs, runs } from './support/runs.js';

const TIMEOUT_MS = 700;
const AT_ONCE = 12;
const limit = { timeout: limitMs(240_000) };

let http: FamilyProcess;
let tunnel: FamilyProcess;
before(async () => {
  [http, tunnel] = await Promise.all([startFamily('http'), startFamily('tunnel')]);
});
after(() => Promise.all([http.stop(), tunnel.stop()]));

interface Check {
  readonly how: Answering;
  readonly family: 'http' | 'tunnel';
  readonly fields: Readonly<Record<string, unknown>>;
}
const fields = fc.constantFrom<Readonly<Record<string, unknown>>>(
  {},
  { alive_only: true },
  { method: 'HEAD' },
  { method: 'POST' },
  { expect_body: 'needle' },
  { expect_status: ['1xx', '2xx', '3xx', '4xx', '5xx'] },
  { follow_redirects: 0 },
);
const check: fc.Arbitrary<Check> = fc.record({
  how: answering,
  family: fc.constantFrom('http', 'tunnel'),
  fields,
});

/** Whether this answer must not count as good. */
function isRefusable(family: string, more: Check['fields'], { mayPass, cutAt }: Answering): boolean {
  const reads = family === 'http' && more['method'] !== 'HEAD' && more['alive_only'] !== true;
  return mayPass === false || (mayPass === 'unread' && reads && cutAt === 1);
}

/** Has a hostile server of its own checked once. */
async function ask({ how, family, fields: more }: Check): Promise<void> {
  const server = await tcpServer((socket) => play(socket, how));
  const input = `${family} ${JSON.stringify(more)}: ${described(how)}`;
  try {
    const url = `${server.origin}/`;
    const results: readonly Result[] =
      family === 'http'
        ? await http.ask({ ...targetOf(httpSpec, { ...more, url }) }, TIMEOUT_MS)
        : await tunnel.ask({ url }, TIMEOUT_MS);
    assert.equal(results.length, 1, input);
    assertSound(family === 'http' ? httpSpec : tunnelSpec, results, TIMEOUT_MS, input);
    if (isRefusable(family, more, how)) assert.notEqual(results[0]?.verdict, 'pass', `passed: ${input}`);
  } finally {
    await server.close();
  }
}

test('each hostile answer of the catalogue gets one coded result, in time, in bounded memory', limit, () =>
  bounded([http, tunnel], async () => {
    const plain = { chunk: null, everyMs: 0, end: 'hold', speaksFirst: false, cutAt: 1 } as const;
    for (const family of ['http', 'tunnel'] as const) {
      const checks = CATALOGUE.map((plan): Check => ({ how: { ...plan, ...plain }, family, fields: {} }));
      for (let at = 0; at < checks.length; at += AT_ONCE) {
        await Promise.all(checks.slice(at, at + AT_ONCE).map(ask));
      }
    }
  }),
);

test('so does any of them at any pace, broken off anywhere, ended in any way', limit, () =>
  bounded([http, tunnel], () =>
    fc.assert(
      fc.asyncProperty(fc.array(check, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (checks) => {
        await Promise.all(checks.map(ask));
      }),
      runs(8),
    ),
  ),
);
