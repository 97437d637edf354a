/** Without these an edit of a running Matrix would not arrive, or a bad one would take the monitoring down. */
import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type LoadedSettings, type LoadOptions, loadSettings } from '../../src/config/load.js';
import { watchConfig } from '../../src/config/watch.js';
import { memoryLog } from '../support/log.js';
import { optionsFor, tempDir } from './fixture.js';

const disks = (...names: string[]) =>
  `[matrix]\ndiscover = false\n${names.map((name) => `[[disk]]\nname = "${name}"\n`).join('')}`;

/** A watched configuration whose changes and errors can be awaited in order. */
async function watched(t: TestContext, options: LoadOptions, pollMs = 3_000, current?: LoadedSettings) {
  const events: (LoadedSettings | Error)[] = [];
  let wake = () => {};
  const push = (event: LoadedSettings | Error) => {
    events.push(event);
    wake();
  };
  const log = memoryLog();
  const watch = watchConfig({
    current: current ?? (await loadSettings(options)),
    load: () => loadSettings(options),
    onChange: push,
    onError: (error) => push(error instanceof Error ? error : new Error(String(error))),
    log,
    pollMs,
  });
  // Watching alone keeps no process alive.
  const alive = setInterval(() => {}, 1_000);
  t.after(() => {
    clearInterval(alive);
    watch.close();
  });
  const next = async () => {
    while (events.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return events.shift();
  };
  const changed = async () => {
    const event = await next();
    if (event === undefined || event instanceof Error) throw event;
    return event.targets.map(({ name }) => name);
  };
  const refused = async () => {
    const event = await next();
    if (!(event instanceof Error)) throw new Error('the change was accepted');
    return event.message;
  };
  return { watch, changed, refused, events, log };
}

test('writing the file, and replacing it as editors do, both arrive', { timeout: 60_000 }, async (t) => {
  const cwd = await tempDir(t);
  const file = join(cwd, 'matrix.toml');
  await writeFile(file, disks('a'));
  const { changed } = await watched(t, optionsFor(cwd));
  await writeFile(file, disks('a', 'b'));
  assert.deepEqual(await changed(), ['a', 'b']);
  await writeFile(`${file}.swp`, disks('c'));
  await rename(`${file}.swp`, file);
  assert.deepEqual(await changed(), ['c']);
  await rename(file, `${file}~`);
  await writeFile(file, disks('d'));
  const after = await changed().catch(() => changed());
  assert.deepEqual(after, ['d'], 'backup by renaming, then a new file');
});

test('a bad edit keeps the old configuration, says why, and the next good one arrives', {
  timeout: 60_000,
}, async (t) => {
  const cwd = await tempDir(t);
  const file = join(cwd, 'matrix.toml');
  await writeFile(file, disks('a'));
  const { changed, refused, log } = await watched(t, optionsFor(cwd));
  await writeFile(file, `${disks('a')}x = 1\n`);
  assert.match(await refused(), /matrix\.toml:5: disk\[0\]\.x: unknown key/);
  assert.ok(log.lines.some(({ message }) => message.startsWith('The old configuration stays: ')));
  await unlink(file);
  assert.match(await refused(), /The config file .*matrix\.toml is gone/);
  await writeFile(file, disks('b'));
  assert.deepEqual(await changed(), ['b']);
});

test('a link that is swapped, as in mounted volumes, arrives', { timeout: 60_000 }, async (t) => {
  const cwd = await tempDir(t);
  for (const version of ['v1', 'v2']) {
    await mkdir(join(cwd, version));
    await writeFile(join(cwd, version, 'matrix.toml'), disks(version));
  }
  await symlink('v1', join(cwd, 'data'));
  await symlink('data/matrix.toml', join(cwd, 'matrix.toml'));
  const { changed } = await watched(t, optionsFor(cwd));
  await symlink('v2', join(cwd, 'next'));
  await rename(join(cwd, 'next'), join(cwd, 'data'));
  assert.deepEqual(await changed(), ['v2']);
});

test('without file events the file is still looked at', { timeout: 60_000 }, async (t) => {
  const cwd = await tempDir(t);
  const real = await tempDir(t);
  await writeFile(join(real, 'real.toml'), disks('a'));
  // Events come for the link's directory only, so this change is seen by looking.
  await symlink(join(real, 'real.toml'), join(cwd, 'matrix.toml'));
  const { changed } = await watched(t, optionsFor(cwd), 50);
  await writeFile(join(real, 'real.toml'), disks('a', 'b'));
  assert.deepEqual(await changed(), ['a', 'b']);
});

test('a change between loading and watching is not missed', { timeout: 60_000 }, async (t) => {
  const cwd = await tempDir(t);
  const file = join(cwd, 'matrix.toml');
  await writeFile(file, disks('a'));
  const current = await loadSettings(optionsFor(cwd));
  await writeFile(file, disks('b'));
  const { changed } = await watched(t, optionsFor(cwd), 3_000, current);
  assert.deepEqual(await changed(), ['b']);
});

test('reload applies at once, names what needs a restart, and is silent when nothing changed', {
  timeout: 60_000,
}, async (t) => {
  const cwd = await tempDir(t);
  const file = join(cwd, 'matrix.toml');
  await writeFile(file, disks('a'));
  const { watch, changed, events, log } = await watched(t, optionsFor(cwd));
  await watch.reload();
  assert.deepEqual(events, []);
  await writeFile(file, `${disks('a', 'b')}[front]\nport = 4000\n`);
  await watch.reload();
  assert.deepEqual(await changed(), ['a', 'b']);
  assert.ok(log.lines.some(({ message }) => message.endsWith('needs a restart: front.port')));
  watch.close();
  await writeFile(file, disks('c'));
  await watch.reload();
  assert.deepEqual(events, [], 'nothing arrives after close');
});

test('without a file, one that appears is taken up', { timeout: 60_000 }, async (t) => {
  const cwd = await tempDir(t);
  const { changed } = await watched(t, optionsFor(cwd));
  await writeFile(join(cwd, 'matrix.toml'), disks('a'));
  assert.deepEqual(await changed(), ['a']);
});

test('a directory that goes away ends in an error, not in a crash', { timeout: 60_000 }, async (t) => {
  const cwd = await tempDir(t);
  const dir = join(cwd, 'etc');
  await mkdir(dir);
  await writeFile(join(dir, 'matrix.toml'), disks('a'));
  const { refused } = await watched(t, optionsFor(cwd, { MATRIX_CONFIG: 'etc/matrix.toml' }), 50);
  await rm(dir, { recursive: true });
  assert.match(await refused(), /cannot be read: ENOENT/);
});
