/** A mount whose server is gone: it must cost one check, never the thread, the pool or the process. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { probe } from '../../../workers/disk/probe.js';
import { spec } from '../../../workers/disk/spec.js';
import { mountRefusal, mountSilent } from '../../support/mounts.js';
import { checkOnce, probeContext } from '../../support/probing.js';
import { until } from '../../support/wait.js';

const refusal = mountRefusal() ?? (existsSync('/dev/fuse') ? undefined : 'there is no /dev/fuse here');
const options = refusal === undefined ? {} : { skip: refusal };

/** Long enough for a helper process to start on a loaded machine. */
const DEADLINE_MS = 2000;

const check = (path: string) => checkOnce({ spec, probe }, { path }, probeContext(DEADLINE_MS));

/** Helper processes of this process that are alive. */
function helpers(): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        const parent = / (\d+) /.exec(
          readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) . ?/, ' '),
        )?.[1];
        return (
          parent === String(process.pid) &&
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('statfs-child')
        );
      } catch {
        return false;
      }
    });
}

test(
  'a filesystem that does not answer fails at the deadline, and others go on being checked',
  options,
  async (t) => {
    const mounts = await Promise.all(Array.from({ length: 6 }, mountSilent));
    t.after(() => {
      for (const mount of mounts) mount.unmount();
    });
    const findings = Promise.all(mounts.map(({ path }) => check(path)));
    await until('six helpers wait on the mounts', () => helpers().length === 6);
    // More hang than the pool has threads, and a healthy disk is still measured.
    assert.equal((await checkOnce({ spec, probe }, { path: '/', warn_percent: 100 })).verdict, 'pass');
    for (const finding of await findings) {
      assert.deepEqual([finding.verdict, finding.code], ['fail', 'timeout']);
      assert.match(finding.detail, /does not answer within 2 s; a network mount may have lost its server$/);
    }
    await until('the helpers are gone', () => helpers().length === 0);
  },
);

test('checks of the same silent path do not pile up', options, async (t) => {
  const mount = await mountSilent();
  t.after(() => mount.unmount());
  const findings = Promise.all(Array.from({ length: 10 }, () => check(mount.path)));
  await until('one helper waits', () => helpers().length === 1);
  for (const finding of await findings) assert.equal(finding.code, 'timeout');
  await until('the helper is gone', () => helpers().length === 0);
});

test('it is noticed behind a symlink too, and when it comes back', options, async (t) => {
  const mount = await mountSilent();
  const directory = mkdtempSync(join(tmpdir(), 'matrix-link-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const link = join(directory, 'data');
  symlinkSync(mount.path, link);
  assert.equal((await check(link)).code, 'timeout');
  mount.unmount();
  assert.equal((await check(link)).code, 'path_missing');
});

test('a process with such a check under way can still exit', options, async (t) => {
  const mount = await mountSilent();
  t.after(() => mount.unmount());
  const child = fileURLToPath(new URL('../shared/check-child.js', import.meta.url));
  const fields = JSON.stringify({ path: mount.path });
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [child, 'disk', fields, String(DEADLINE_MS)],
    {
      timeout: 20_000,
      killSignal: 'SIGKILL',
    },
  );
  assert.equal(JSON.parse(stdout).code, 'timeout');
});

test('an unmounted daemon is an error of the filesystem, not of Matrix', options, async () => {
  const mount = await mountSilent();
  const pending = check(mount.path);
  await until('a helper waits', () => helpers().length === 1);
  mount.unmount();
  const finding = await pending;
  assert.equal(finding.verdict, 'fail');
  assert.match(finding.code ?? '', /^(io_error|path_missing)$/);
});
