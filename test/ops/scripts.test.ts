/** If these fail, somebody is left with a half-installed machine, an old build, or a red run that looks green. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { PACKAGE_ROOT } from '../../src/config/paths.js';

const ops = (name: string) => join(PACKAGE_ROOT, 'ops', name);

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'matrix-scripts-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A directory of commands for PATH: links to some real ones, and scripts of the test's own. */
function commands(
  directory: string,
  real: readonly string[],
  own: Readonly<Record<string, string>> = {},
): string {
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  for (const name of real)
    symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(bin, name));
  for (const [name, body] of Object.entries(own)) {
    writeFileSync(join(bin, name), `#!/bin/bash\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
}

function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  cwd = PACKAGE_ROOT,
) {
  const { status, stdout, stderr } = spawnSync(command, args, { env, cwd, encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('shellcheck finds nothing in the shell scripts', () => {
  const scripts = readdirSync(join(PACKAGE_ROOT, 'ops')).filter((name) => name.endsWith('.sh'));
  assert.ok(scripts.length >= 2);
  const { status, stdout } = run('shellcheck', [...scripts.map(ops), join(PACKAGE_ROOT, '.ci', 'run')]);
  assert.equal(status, 0, stdout);
});

test('Caddy takes the Caddyfile, and systemd the unit', () => {
  const caddy = run('caddy', ['validate', '--adapter', 'caddyfile', '--config', ops('Caddyfile')]);
  assert.equal(caddy.status, 0, caddy.stderr);
  const unit = readFileSync(ops('systemd/matrix.service'), 'utf8');
  // ping has NET_RAW as a file capability, which NoNewPrivileges takes away from whoever has not got it.
  assert.match(unit, /^NoNewPrivileges=yes$/m);
  assert.match(unit, /^AmbientCapabilities=CAP_NET_RAW$/m);
  assert.match(unit, /^CapabilityBoundingSet=CAP_NET_RAW$/m);
  assert.match(unit, /^KillMode=mixed$/m);
});

describe('test-deps.sh', () => {
  test('says nothing and runs no apt-get when all is there', (t) => {
    const bin = commands(scratch(t), [], { 'apt-get': 'echo called >&2; exit 1' });
    const { status, stdout, stderr } = run(ops('test-deps.sh'), [], {
      PATH: `${bin}:${process.env['PATH']}`,
    });
    assert.deepEqual([status, stdout, stderr], [0, '', '']);
  });

  // Debian's servers are looked for in /usr/sbin whatever PATH is; these live in /usr/bin.
  test('names what is missing where there is no apt-get', (t) => {
    const bin = commands(scratch(t), ['bash', 'id']);
    const { status, stderr } = run(ops('test-deps.sh'), [], { PATH: bin });
    assert.equal(status, 1);
    assert.match(stderr, /missing: .*openssl.*shellcheck.* has no apt-get; install/s);
  });

  test('tells another user than root which command to run as root', (t) => {
    const bin = commands(scratch(t), ['bash'], { 'apt-get': 'exit 1', id: 'echo 1000' });
    const { status, stderr } = run(ops('test-deps.sh'), [], { PATH: bin });
    assert.equal(status, 1);
    assert.match(stderr, /Run as root: apt-get install .*shellcheck/);
  });

  test('shows the last words of an apt-get that fails', (t) => {
    const real = ['bash', 'mktemp', 'tail', 'rm', 'chmod'];
    const bin = commands(scratch(t), real, {
      'apt-get': 'echo "E: no network today"; exit 100',
      id: 'echo 0',
      systemctl: 'exit 0',
    });
    const { status, stderr } = run(ops('test-deps.sh'), [], { PATH: bin });
    assert.equal(status, 1);
    assert.match(stderr, /no network today\ntest-deps: apt-get update failed/);
  });
});

describe('build.mjs', () => {
  /** A checkout of one file, with this one's compiler. */
  function checkout(t: TestContext): string {
    const root = scratch(t);
    for (const folder of ['src', 'workers', 'schema', 'bench', 'test', 'ops']) mkdirSync(join(root, folder));
    for (const file of ['tsconfig.json', 'package-lock.json', 'package.json', 'ops/build.mjs']) {
      cpSync(join(PACKAGE_ROOT, file), join(root, file));
    }
    symlinkSync(join(PACKAGE_ROOT, 'node_modules'), join(root, 'node_modules'));
    writeFileSync(join(root, 'src', 'one.ts'), 'export const one: number = 1;\n');
    return root;
  }
  const build = (root: string) => run(process.execPath, [join(root, 'ops', 'build.mjs')]);
  const built = (root: string) =>
    readdirSync(join(root, 'dist', 'src')).filter((name) => name.endsWith('.js'));

  test('builds what changed, nothing twice, and forgets deleted files', (t) => {
    const root = checkout(t);
    assert.equal(build(root).status, 0);
    assert.deepEqual(built(root), ['one.js']);
    writeFileSync(join(root, 'dist', 'mark'), '');
    assert.equal(build(root).status, 0);
    assert.ok(readdirSync(join(root, 'dist')).includes('mark'), 'it was built again without need');
    writeFileSync(join(root, 'src', 'two.ts'), 'export const two = 2;\n');
    rmSync(join(root, 'src', 'one.ts'));
    assert.equal(build(root).status, 0);
    assert.deepEqual(built(root), ['two.js']);
    assert.deepEqual(
      readdirSync(root).filter((name) => name.startsWith('dist')),
      ['dist'],
    );
  });

  test('keeps the last build when the sources do not compile, and fails', (t) => {
    const root = checkout(t);
    build(root);
    writeFileSync(join(root, 'src', 'two.ts'), 'export const two: number = "2";\n');
    const { status, stdout, stderr } = build(root);
    assert.equal(status, 1);
    assert.match(`${stdout}${stderr}`, /two\.ts.*not assignable[\s\S]*dist\/ stays as it was/);
    assert.deepEqual(built(root), ['one.js']);
    assert.deepEqual(
      readdirSync(root).filter((name) => name.startsWith('dist')),
      ['dist'],
    );
  });
});

test('test.mjs ends with the runner’s summary and its exit code', (t) => {
  const root = scratch(t);
  mkdirSync(join(root, 'ops'));
  mkdirSync(join(root, 'dist', 'test', 'area'), { recursive: true });
  cpSync(ops('test.mjs'), join(root, 'ops', 'test.mjs'));
  const file = (name: string, body: string) =>
    writeFileSync(
      join(root, 'dist', 'test', 'area', name),
      `require('node:test')('${name}', () => {${body}});\n`,
    );
  file('good.test.js', '');
  file('bad.test.js', 'throw new Error("bad")');
  // Inside a test run, the runner would take itself for a part of it.
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const tests = (...words: string[]) => run(process.execPath, [join(root, 'ops', 'test.mjs'), ...words], env);
  const good = tests('area/good');
  assert.equal(good.status, 0, good.stderr);
  assert.match(good.stdout, /ℹ pass 1\n.*ℹ fail 0\n/s);
  assert.equal(tests().status, 1);
  const none = tests('nowhere');
  assert.equal(none.status, 1);
  assert.match(none.stderr, /no test file matches nowhere/);
});

test('swap.sh says what is missing before it touches anything', (t) => {
  const bin = commands(scratch(t), ['bash', 'curl'], { docker: 'echo "$@" >>"$CALLS"; exit 1' });
  const calls = join(bin, 'calls');
  const { status, stderr } = run(ops('swap.sh'), ['blue'], { PATH: bin, CALLS: calls });
  assert.equal(status, 1);
  assert.match(stderr, /the Docker engine does not answer/);
  assert.equal(readFileSync(calls, 'utf8'), 'version\n');
});
