import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { probe } from '../../../workers/disk/probe.js';
import { type DiskTarget, spec } from '../../../workers/disk/spec.js';
import { mountRefusal, mountTmpfs } from '../../support/mounts.js';
import { checkOnce, probeContext, targetOf } from '../../support/probing.js';

const check = (fields: Partial<DiskTarget>, context = probeContext()) =>
  checkOnce({ spec, probe }, fields, context);
const refusal = mountRefusal();
const needsMounts = refusal === undefined ? {} : { skip: refusal };

test('the root filesystem is measured as df does', async () => {
  const finding = await check({ path: '/', warn_percent: 100, inode_warn_percent: 100 });
  const [used, , available, total] = finding.measurements ?? [];
  // df rounds up to whole percent, and the disk may change a little in between.
  const df = execFileSync('df', ['--output=pcent,size', '-B1', '/'], { encoding: 'utf8' })
    .trim()
    .split(/\s+/);
  const [percent = 0, sizeBytes = 0] = df.slice(2).map((text) => Number.parseInt(text, 10));
  assert.equal(used?.unit, 'percent');
  assert.ok(
    used !== undefined && Math.abs(used.value - percent) <= 1.5,
    `${used?.value} against df's ${percent}`,
  );
  assert.deepEqual([total?.name, total?.value, total?.unit], ['total_bytes', sizeBytes, 'bytes']);
  assert.ok(available !== undefined && available.value <= sizeBytes);
  assert.equal(finding.facts?.['mount'], '/');
  assert.equal(typeof finding.facts?.['filesystem'], 'string');
});

test('a filling disk passes, then warns, then fails, at its thresholds', needsMounts, async (t) => {
  const mount = mountTmpfs('size=10m');
  t.after(() => mount.unmount());
  const thresholds = { path: mount.path, warn_percent: 50, fail_percent: 80 };
  const empty = await check(thresholds);
  assert.equal(empty.verdict, 'pass');
  assert.match(empty.detail, /^0\.0 % used, 10\.0 MiB of 10\.0 MiB available$/);
  assert.deepEqual(empty.facts, { mount: mount.path, device: 'matrix-test', filesystem: 'tmpfs' });
  fill(mount.path, 'a', 5);
  const half = await check(thresholds);
  assert.deepEqual([half.verdict, half.code], ['warn', 'disk_nearly_full']);
  assert.equal(half.detail, '50.0 % used, 5.0 MiB of 10.0 MiB available; warns from 50 %');
  fill(mount.path, 'b', 3);
  const full = await check(thresholds);
  assert.deepEqual([full.verdict, full.code], ['fail', 'disk_full']);
  assert.equal(full.detail, '80.0 % used, 2.0 MiB of 10.0 MiB available; fails from 80 %');
  assert.deepEqual(full.measurements?.slice(0, 4), [
    { name: 'used', value: 80, unit: 'percent' },
    { name: 'used_bytes', value: 8 * 1024 ** 2, unit: 'bytes' },
    { name: 'available_bytes', value: 2 * 1024 ** 2, unit: 'bytes' },
    { name: 'total_bytes', value: 10 * 1024 ** 2, unit: 'bytes' },
  ]);
});

test('by default 90 % warns and nothing fails', needsMounts, async (t) => {
  const mount = mountTmpfs('size=1000k');
  t.after(() => mount.unmount());
  writeFileSync(join(mount.path, 'a'), Buffer.alloc(896 * 1024));
  assert.equal((await check({ path: mount.path })).verdict, 'pass');
  writeFileSync(join(mount.path, 'b'), Buffer.alloc(4 * 1024));
  assert.deepEqual((await check({ path: mount.path })).code, 'disk_nearly_full');
  assert.throws(() => writeFileSync(join(mount.path, 'c'), Buffer.alloc(200 * 1024)), { code: 'ENOSPC' });
  const { bavail } = statfsSync(mount.path);
  assert.equal(bavail, 0);
  assert.equal((await check({ path: mount.path })).verdict, 'warn');
});

test('a disk with space but without inodes warns: no file can be made on it', needsMounts, async (t) => {
  const mount = mountTmpfs('size=10m,nr_inodes=20');
  t.after(() => mount.unmount());
  assert.equal((await check({ path: mount.path })).verdict, 'pass');
  // The root directory is one of the twenty.
  for (let file = 1; file < 20; file += 1) writeFileSync(join(mount.path, String(file)), '');
  assert.throws(() => writeFileSync(join(mount.path, 'one more'), ''), { code: 'ENOSPC' });
  const finding = await check({ path: mount.path });
  assert.deepEqual([finding.verdict, finding.code], ['warn', 'inodes_nearly_full']);
  assert.equal(finding.detail, '100.0 % of the inodes used; warns from 90 %');
  assert.deepEqual(finding.measurements?.at(-1), { name: 'inodes_used', value: 100, unit: 'percent' });
  assert.equal((await check({ path: mount.path, warn_percent: 0.001, fail_percent: 0.002 })).verdict, 'warn');
});

test('a filesystem without inodes is judged by its space alone', needsMounts, async (t) => {
  const mount = mountTmpfs('size=1m,nr_inodes=0');
  t.after(() => mount.unmount());
  const finding = await check({ path: mount.path });
  assert.equal(finding.verdict, 'pass');
  assert.equal(
    finding.measurements?.some(({ name }) => name === 'inodes_used'),
    false,
  );
});

test(
  'a disk that goes away, or comes with another size, is noticed by the next check',
  needsMounts,
  async () => {
    const mount = mountTmpfs('size=1m');
    assert.equal((await check({ path: mount.path })).verdict, 'pass');
    execFileSync('mount', ['-o', 'remount,size=2m', mount.path]);
    assert.match((await check({ path: mount.path })).detail, /of 2\.0 MiB available/);
    assert.equal((await check({ path: mount.path })).facts?.['device'], 'matrix-test');
    mount.unmount();
    const gone = await check({ path: mount.path });
    assert.deepEqual([gone.verdict, gone.code], ['fail', 'path_missing']);
    assert.equal(gone.detail, `${mount.path} does not exist; is it mounted?`);
  },
);

test('a path with spaces, behind a symlink, finds its mount', needsMounts, async (t) => {
  const mount = mountTmpfs('size=1m');
  const directory = mkdtempSync(join(tmpdir(), 'matrix link '));
  t.after(() => {
    mount.unmount();
    rmSync(directory, { recursive: true });
  });
  mkdirSync(join(mount.path, 'a b'));
  symlinkSync(join(mount.path, 'a b'), join(directory, 'to disk'));
  const finding = await check({ path: join(directory, 'to disk') });
  assert.equal(finding.facts?.['mount'], mount.path);
});

test('what cannot be judged is unknown, not failed', async () => {
  const proc = await check({ path: '/proc' });
  assert.deepEqual([proc.verdict, proc.code], ['unknown', 'not_measurable']);
  const below = await check({ path: '/etc/hostname/below-a-file' });
  assert.deepEqual([below.verdict, below.code], ['fail', 'path_missing']);
});

test('a mistake in the config is refused at start, with a sentence that names the field', () => {
  const problem = (fields: Partial<DiskTarget>) => spec.check?.(targetOf(spec, fields));
  assert.equal(problem({}), undefined);
  assert.equal(problem({ warn_percent: 80, fail_percent: 95 }), undefined);
  assert.equal(problem({ fail_percent: 90 }), 'fail_percent: must be above warn_percent (90)');
  assert.equal(problem({ path: 'data' }), 'path: must be absolute, that is begin with /');
  assert.match(problem({ path: '/a\0b' }) ?? '', /^path: must not contain a NUL/);
  for (const warn_percent of [0, -1, 101]) assert.throws(() => targetOf(spec, { warn_percent }));
});

/** Writes a file of so many MiB. */
function fill(path: string, name: string, mebibytes: number): void {
  writeFileSync(join(path, name), Buffer.alloc(mebibytes * 1024 ** 2));
}
