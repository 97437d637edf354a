/** Lost if this fails: a filesystem that counts nonsense, as some network and FUSE ones do, crashes the thread of all disks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { judge } from '../../workers/disk/probe.js';
import { spec } from '../../workers/disk/spec.js';
import { parseHelper } from '../../workers/disk/statfs.js';
import { usageOf } from '../../workers/disk/usage.js';
import { targetOf } from '../support/probing.js';
import { runs } from './support/runs.js';

const FIELDS = ['type', 'bsize', 'blocks', 'bfree', 'bavail', 'files', 'ffree'] as const;
const count = fc.oneof(
  fc.constantFrom<unknown>(0, 1, -1, 4096, 2 ** 53, 2 ** 64, 1e308, null, '12', {}, [], true),
  fc.nat(),
  fc.double(),
);
const counts = fc.record(Object.fromEntries(FIELDS.map((field) => [field, count])), { requiredKeys: [] });
const mount = fc.oneof(
  fc.constantFrom<unknown>(null, {}, 'x', 7, { path: '/', device: '\u001b[31m', filesystem: 'ext4' }),
  fc.record({ path: fc.string(), device: fc.string({ unit: 'binary' }), filesystem: fc.string() }),
);
const line = fc.oneof(
  fc.record({ counts, mount }, { requiredKeys: [] }).map((value) => JSON.stringify(value)),
  fc.record({ code: fc.oneof(fc.string(), fc.jsonValue()) }).map((value) => JSON.stringify(value)),
  fc.json(),
  fc.string(),
);

test('whatever the helper prints, it is an answer or none; what it counts becomes finite numbers', () => {
  fc.assert(
    fc.property(line, fc.string(), (text, before) => {
      const said = parseHelper(`${before.replaceAll('\n', ' ')}\n${text.replaceAll('\n', ' ')}\n`);
      if (said?.kind !== 'counts') return;
      const finding = judge(targetOf(spec, { path: '/x' }), usageOf(said.counts), said.mount);
      assert.ok(finding.code === undefined || Object.hasOwn(spec.codes, finding.code));
      assert.doesNotMatch(finding.detail, /NaN|Infinity|undefined|\p{Cc}/u);
      for (const { name, value } of finding.measurements ?? []) {
        assert.ok(Number.isFinite(value) && value >= 0, `${name} is ${value} for ${text}`);
        if (name === 'used') assert.ok(value <= 100, `${value} % used for ${text}`);
      }
    }),
    runs(2_000),
  );
});
