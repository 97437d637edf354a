import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding, Verdict } from '../../../src/contract/result.js';
import { attribute } from '../../../workers/wan/attribution.js';
import { spec } from '../../../workers/wan/spec.js';

const VERDICT = { up: 'pass', lossy: 'warn', down: 'fail', unknown: 'unknown' } as const;
type Reach = keyof typeof VERDICT;

const leg = (detail: string, verdict: Verdict): Finding => ({ verdict, detail });

function uplink(gateway: Reach, internet: Reach, dns: Reach): Finding {
  return attribute({
    gateway: leg('GATEWAY', VERDICT[gateway]),
    internet: leg('INTERNET', VERDICT[internet]),
    dns: leg('DNS', VERDICT[dns]),
  });
}

/** `*`: whatever it is. Verdict, code, severity, state, cause. */
const TABLE: readonly (readonly [
  gateway: Reach | '*',
  internet: Reach,
  dns: Reach | '*',
  expected: string,
])[] = [
  ['*', 'up', 'up', 'pass - - up none'],
  ['*', 'lossy', 'up', 'pass - - up none'],
  ['*', 'up', 'unknown', 'pass - - up none'],
  ['*', 'lossy', 'unknown', 'pass - - up none'],
  ['*', 'up', 'down', 'warn dns_fault - up none'],
  ['*', 'lossy', 'down', 'warn dns_fault - up none'],
  ['up', 'down', '*', 'fail isp_fault warning down isp_fault'],
  ['lossy', 'down', '*', 'fail isp_fault warning down isp_fault'],
  ['down', 'down', '*', 'fail local_link_fault error down local_link_fault'],
  ['unknown', 'down', '*', 'fail uplink_fault error down none'],
  ['*', 'unknown', '*', 'unknown uplink_unjudged - up none'],
];

const REACHES: readonly Reach[] = ['up', 'lossy', 'down', 'unknown'];
const expand = (reach: Reach | '*', all: readonly Reach[]) => (reach === '*' ? all : [reach]);

test('every combination has its cause: the person on call goes to the right place', () => {
  const seen = new Set<string>();
  for (const [gateways, internet, names, expected] of TABLE) {
    for (const gateway of expand(gateways, REACHES)) {
      for (const dns of expand(names, REACHES)) {
        const found = uplink(gateway, internet, dns);
        const { verdict, code = '-', severity = '-', attribution } = found;
        const actual = `${verdict} ${code} ${severity} ${attribution?.state} ${attribution?.cause}`;
        assert.equal(actual, expected, `gateway ${gateway}, internet ${internet}, dns ${dns}`);
        assert.equal(attribution?.sentence, found.detail);
        assert.ok(found.code === undefined || Object.hasOwn(spec.codes, found.code));
        seen.add(`${gateway} ${internet} ${dns}`);
      }
    }
  }
  // A lossy name server does not exist, but costs nothing here; `up up lossy` and `up lossy lossy` are not listed.
  const combinations = REACHES.flatMap((a) => REACHES.flatMap((b) => REACHES.map((c) => `${a} ${b} ${c}`)));
  const missing = combinations.filter((combination) => !seen.has(combination));
  assert.ok(
    missing.every((combination) => / (up|lossy) lossy$/.test(combination)),
    missing.join('; '),
  );
});

test('the sentence tells what was seen on both sides of the fault', () => {
  assert.equal(uplink('up', 'down', 'down').detail, 'ISP fault: GATEWAY, INTERNET');
  assert.equal(uplink('down', 'down', 'down').detail, 'Local link or Wi-Fi fault: GATEWAY, INTERNET');
  assert.equal(uplink('up', 'up', 'down').detail, 'DNS fault: INTERNET, DNS');
});
