/** Lost if this fails: a config, a YAML trick or an answer to the command line that takes all memory. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ask } from '../../src/cli/client.js';
import { describeValue } from '../../src/config/describe.js';
import { diskPaths } from '../../src/config/discover.js';
import { draftSettings } from '../../src/config/load.js';
import { ConfigError } from '../../src/config/problem.js';
import { LIMITS } from '../../src/contract/limits.js';
import { dirWith, optionsFor } from '../config/fixture.js';

const disks = (count: number): string =>
  `[matrix]\ndiscover = false\n${Array.from({ length: count }, (_, index) => `[[disk]]\nname = "d${index}"\n`).join('')}`;

test('configured_targets: as many as that are read, one more is refused with the number', {
  timeout: 120_000,
}, async (t) => {
  const { value: most } = LIMITS.configured_targets;
  const load = async (text: string) => draftSettings(optionsFor(await dirWith(t, 'matrix.toml', text)));
  assert.equal((await load(disks(most))).targets.length, most);
  await assert.rejects(load(disks(most + 1)), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'MX_CONFIG_INVALID');
    assert.match(error.message, new RegExp(`at most ${most} targets, came ${most + 1}`));
    return true;
  });
});

test('name_chars: the longest name is taken, one more character is not', async (t) => {
  const named = async (length: number) =>
    draftSettings(optionsFor(await dirWith(t, 'matrix.toml', `[[disk]]\nname = "${'x'.repeat(length)}"\n`)));
  assert.equal((await named(LIMITS.name_chars.value)).targets[0]?.name.length, LIMITS.name_chars.value);
  await assert.rejects(named(LIMITS.name_chars.value + 1), { code: 'MX_CONFIG_INVALID' });
});

test('config_depth and config_aliases: nesting and unfolding end there', async (t) => {
  const load = async (text: string) => draftSettings(optionsFor(await dirWith(t, 'matrix.yaml', text)));
  const nested = (levels: number) => `matrix: ${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}`;
  const toldOfDepth = async (levels: number) => {
    const error = await load(nested(levels)).then(
      () => null,
      (reason: Error) => reason,
    );
    return error !== null && /at most \d+ levels/.test(error.message);
  };
  assert.equal(await toldOfDepth(LIMITS.config_depth.value), false);
  assert.equal(await toldOfDepth(LIMITS.config_depth.value + 2), true);
  const half = Math.ceil(LIMITS.config_aliases.value / 2) + 10;
  const list = `[${Array.from({ length: half }, () => '1').join(',')}]`;
  const once = await load(`x: &a ${list}\ny: *a\n`).then(
    () => '',
    (error: Error) => error.message,
  );
  assert.doesNotMatch(once, /aliases that unfold/);
  const twice = await load(`x: &a ${list}\ny: *a\nz: *a\n`).then(
    () => '',
    (error: Error) => error.message,
  );
  assert.match(twice, /aliases that unfold/);
});

test('config_problems and config_shown: what is wrong is told shortly, whatever it is', () => {
  const problems = Array.from({ length: 3 * LIMITS.config_problems.value }, (_, line) => ({
    file: 'matrix.toml',
    line,
    column: 1,
    path: 'x',
    message: 'is wrong',
  }));
  const lines = new ConfigError(problems).message.split('\n').filter((line) => line.includes('is wrong'));
  assert.equal(lines.length, LIMITS.config_problems.value);
  assert.ok(describeValue('y'.repeat(10_000), 'x').length <= LIMITS.config_shown.value + 20);
});

test('discovered_disks: a machine with a thousand of them is watched in part', () => {
  const mounts = Array.from(
    { length: 1_000 },
    (_, index) => `/dev/sd${index} /mnt/${index} ext4 rw 0 0\n`,
  ).join('');
  assert.equal(diskPaths(mounts, () => true).length, LIMITS.discovered_disks.value);
});

test('cli_answer: an answer without end ends the command, not the machine', {
  timeout: 60_000,
}, async (t) => {
  const server: Server = createServer((_request, response) => {
    const chunk = Buffer.alloc(1024 * 1024, ' ');
    const more = (): void => {
      while (!response.destroyed && response.write(chunk)) {}
    };
    response.on('drain', more);
    more();
  });
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const env = { MATRIX_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  await assert.rejects(ask(env, { method: 'GET', path: '/status', role: 'viewer' }), (error: Error) => {
    assert.match(error.message, new RegExp(`larger than ${LIMITS.cli_answer.value} bytes`));
    return true;
  });
});
