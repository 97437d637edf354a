/** Without these Matrix would run with other settings than the user wrote, or start on ones that cannot work. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkConfig } from '../../src/config/check.js';
import { draftSettings, loadSettings } from '../../src/config/load.js';
import { PACKAGE_ROOT } from '../../src/config/paths.js';
import { LIMITS } from '../../src/contract/limits.js';
import { dirWith, optionsFor, refusal, tempDir } from './fixture.js';

const STRONG = 'k7Qw9zLm2Xv4Bn6Rt8Yp1Sd3Fg5Hj0Ac';

test('without file and environment the defaults of the spec apply', async (t) => {
  const cwd = await tempDir(t);
  const settings = await draftSettings(optionsFor(cwd));
  assert.equal(settings.file, null);
  assert.equal(settings.front.port, 3910);
  assert.equal(settings.front.host, '127.0.0.1');
  assert.equal(settings.front.anonymousRead, true);
  assert.equal(settings.checkIntervalMs, 30_000);
  assert.equal(settings.customerId, 'axe');
  assert.equal(settings.deployColor, null);
  assert.equal(settings.databaseUrl, null);
  assert.equal(settings.dataDir, join(cwd, '.local', 'share', 'matrix'));
  assert.deepEqual(settings.warnings, []);
});

test('the environment wins over the file, the file over the defaults', async (t) => {
  const cwd = await dirWith(
    t,
    'matrix.toml',
    '[matrix]\ncustomer_id = "file"\ncheck_interval_s = 10\n[front]\nport = 5000\nallowed_hosts = ["A.example"]\n[log]\nlevel = "debug"\nformat = "pretty"\n',
  );
  const fromFile = await draftSettings(optionsFor(cwd));
  assert.equal(fromFile.customerId, 'file');
  assert.equal(fromFile.front.port, 5000);
  assert.deepEqual(fromFile.front.allowedHosts, ['a.example']);
  const env = {
    MATRIX_CUSTOMER_ID: 'env',
    MATRIX_CHECK_INTERVAL: '2.5',
    MATRIX_PORT: '',
    MATRIX_HOST: '0.0.0.0',
    MATRIX_DEPLOY_COLOR: 'green',
    MATRIX_ANONYMOUS_READ: 'off',
    MATRIX_ALLOWED_HOSTS: 'x.example, y.example',
    MATRIX_LOG_LEVEL: 'error',
    MATRIX_LOG_FORMAT: 'json',
    MATRIX_NODE: 'n1',
    MATRIX_KEEP_DAYS: '7',
    MATRIX_DATA_DIR: 'data',
    MATRIX_DB_PASSWORD: 'compose only',
  };
  const settings = await draftSettings(optionsFor(cwd, env));
  assert.equal(settings.customerId, 'env');
  assert.equal(settings.checkIntervalMs, 2_500);
  assert.equal(settings.front.port, 5000, 'an empty variable is one that is not set');
  assert.deepEqual(settings.front, {
    host: '0.0.0.0',
    port: 5000,
    anonymousRead: false,
    allowedHosts: ['x.example', 'y.example'],
  });
  assert.equal(settings.deployColor, 'green');
  assert.deepEqual(settings.log, { level: 'error', format: 'json' });
  assert.equal(settings.node, 'n1');
  assert.equal(settings.keepDays, 7);
  assert.equal(settings.dataDir, join(cwd, 'data'));
  assert.deepEqual(settings.warnings, []);
});

test('mistakes in the environment name the variable and what it wants', async (t) => {
  const env = {
    MATRIX_CHECK_INTERVAL: '30s',
    MATRIX_PORT: '70000',
    MATRIX_ANONYMOUS_READ: 'maybe',
    MATRIX_KEEP_DAYS: '1e3',
    MATRIX_DEPLOY_COLOR: 'red',
    MATRIX_LAN_GATEWAY: 'router',
    MATRIX_JWT_SECRET: 'short',
  };
  const { message } = await refusal(optionsFor(await tempDir(t), env));
  assert.deepEqual(message.split('\n').slice(1, -1).sort(), [
    '  environment: MATRIX_ANONYMOUS_READ: expected true or false, came "maybe"',
    '  environment: MATRIX_CHECK_INTERVAL: expected a number of seconds from 1 to 86400, came "30s"',
    '  environment: MATRIX_DEPLOY_COLOR: expected one of "blue", "green", came "red"',
    '  environment: MATRIX_JWT_SECRET: has 5 characters, expected at least 32',
    '  environment: MATRIX_KEEP_DAYS: expected a whole number of days from 1 to 3650, came "1e3"',
    '  environment: MATRIX_LAN_GATEWAY: expected text that is a valid ipv4, came "router"',
    '  environment: MATRIX_PORT: expected a whole number from 0 to 65535, came 70000',
  ]);
});

test('a variable that nothing reads is warned about, with the nearest one', async (t) => {
  const env = { MATRIX_PROT: '1', MATRIX_QQQQQQQQ: '1', MATRIX_TEST_X: '1', PATH: '/bin' };
  const { warnings } = await draftSettings(optionsFor(await tempDir(t), env));
  assert.deepEqual(warnings, [
    'environment: MATRIX_PROT is not used; did you mean `MATRIX_PORT`?',
    'environment: MATRIX_QQQQQQQQ is not used',
  ]);
});

test('targets get interval, timeout and route from themselves, else the family, else the defaults', async (t) => {
  const text = `http:
  - { name: plain, url: 'http://127.0.0.1/' }
  - { name: own, url: 'https://example.org/', interval_s: 1.5, timeout_s: 0.25 }
  - { name: routed, url: 'https://example.org/', via: local }
`;
  const { targets } = await draftSettings(optionsFor(await dirWith(t, 'matrix.yml', text)));
  const seen = targets.filter(({ family }) => family === 'http');
  assert.deepEqual(
    seen.map(({ name, intervalMs, timeoutMs, overUplink }) => [name, intervalMs, timeoutMs, overUplink]),
    [
      ['plain', 30_000, 7_000, false],
      ['own', 1_500, 250, true],
      ['routed', 30_000, 7_000, false],
    ],
  );
  assert.deepEqual(seen[0]?.config['expect_status'], [200], 'the family’s defaults are applied');
});

test('a single table is one target with the family’s name, and the environment fills it', async (t) => {
  const cwd = await dirWith(t, 'matrix.toml', '[wan]\ntarget = "9.9.9.9"\ndns_host = "a.example"\n');
  const env = { MATRIX_WAN_TARGET: '192.0.2.1', MATRIX_LAN_GATEWAY: '192.0.2.254' };
  const { targets } = await draftSettings(optionsFor(cwd, env));
  const wan = targets.find(({ family }) => family === 'wan');
  assert.deepEqual(wan?.config, {
    name: 'wan',
    gateway: '192.0.2.254',
    target: '192.0.2.1',
    dns_host: 'a.example',
  });
});

test('a family with a section watches what it says; the others watch what is there; both can be turned off', async (t) => {
  const names = async (text: string, env = {}) => {
    const { targets } = await draftSettings(optionsFor(await dirWith(t, 'matrix.toml', text), env));
    return targets.map(({ name }) => name);
  };
  const plain = await names('');
  assert.ok(plain.includes('disk /') && plain.includes('matrix') && !plain.includes('wan'));
  const own = await names('[[disk]]\nname = "only"\n');
  assert.deepEqual(
    own.filter((name) => name.includes('disk') || name === 'only'),
    ['only'],
  );
  assert.ok(own.includes('matrix'));
  assert.ok(!(await names('disk = []\n')).includes('disk /'));
  assert.deepEqual(await names('[matrix]\ndiscover = false\n', { MATRIX_WAN_TARGET: '192.0.2.1' }), []);
  assert.ok((await names('', { MATRIX_WAN_TARGET: '192.0.2.1' })).includes('wan'));
  assert.ok(!(await names('', { MATRIX_DNS_HOST: 'a.example' })).includes('wan'));
});

test('a discovered target gives way when the file uses its name for something else', async (t) => {
  const cwd = await dirWith(t, 'matrix.toml', '[[disk]]\nname = "matrix"\n');
  const { targets, warnings } = await draftSettings(optionsFor(cwd));
  assert.deepEqual(
    targets.map(({ family, name }) => [family, name]),
    [['disk', 'matrix']],
  );
  assert.deepEqual(warnings, [
    'http matrix is not watched: the config file uses this name for something else',
  ]);
});

test('which file counts is never a guess', async (t) => {
  const cwd = await dirWith(t, 'matrix.toml', '[front]\nport = 1\n');
  await writeFile(join(cwd, 'matrix.yml'), 'front: { port: 2 }\n');
  await writeFile(join(cwd, 'other.conf'), '[front]\nport = 3\n');
  const { message } = await refusal(optionsFor(cwd));
  assert.match(message, /expected one config file in .*, came matrix\.toml and matrix\.yml; keep one/);
  const port = async (env: Record<string, string>, argv: string[] = []) =>
    (await draftSettings({ ...optionsFor(cwd, env), argv })).front.port;
  assert.equal(await port({ MATRIX_CONFIG: 'matrix.yml' }), 2);
  assert.equal(await port({ MATRIX_CONFIG: 'matrix.yml' }, ['start', '--config', 'other.conf']), 3);
  assert.equal(await port({}, [`--config=${join(cwd, 'matrix.toml')}`]), 1);
});

test('a named file that cannot be read is an error of its own, not a start with defaults', async (t) => {
  const cwd = await tempDir(t);
  await mkdir(join(cwd, 'dir.toml'));
  execFileSync('mkfifo', [join(cwd, 'fifo.toml')]);
  const socket = createServer().listen(join(cwd, 'socket.toml'));
  t.after(() => socket.close());
  await once(socket, 'listening');
  await writeFile(join(cwd, 'big.toml'), Buffer.alloc(LIMITS.config_file.value + 1, '#'));
  await writeFile(join(cwd, 'latin1.toml'), Buffer.from('# caf\xe9\n', 'latin1'));
  for (const [file, why] of [
    ['absent.toml', /ENOENT/],
    ['dir.toml', /it is a directory, not a regular file/],
    ['fifo.toml', /it is a FIFO, not a regular file/],
    ['socket.toml', /ENXIO/],
    ['latin1.toml', /not UTF-8/],
    ['/dev/zero', /it is a device, not a regular file/],
    ['big.toml', /larger than/],
  ] as const) {
    await assert.rejects(draftSettings({ ...optionsFor(cwd), file }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'MX_CONFIG_UNREADABLE');
      assert.match(error.message, why);
      return true;
    });
  }
  await assert.rejects(draftSettings({ ...optionsFor(cwd), argv: ['--config'] }), {
    code: 'MX_CONFIG_UNREADABLE',
  });
});

test('the data directory is private, and its place follows file, environment and checkout', async (t) => {
  const cwd = await dirWith(t, 'matrix.toml', '[matrix]\ndata_dir = "deep/data"\n');
  const { dataDir } = await loadSettings(optionsFor(cwd));
  assert.equal(dataDir, join(cwd, 'deep', 'data'));
  assert.equal((await stat(dataDir)).mode & 0o777, process.getuid?.() === 0 ? 0o711 : 0o700);
  assert.equal((await stat(join(dataDir, 'jwt-secret'))).mode & 0o777, 0o600);
  const empty = await tempDir(t);
  const dirWithEnv = async (env: Record<string, string>, at = empty) =>
    (await draftSettings(optionsFor(at, env))).dataDir;
  assert.equal(await dirWithEnv({ XDG_DATA_HOME: '/xdg' }), '/xdg/matrix');
  assert.equal(await dirWithEnv({ XDG_DATA_HOME: 'relative' }), join(empty, '.local', 'share', 'matrix'));
  assert.equal(await dirWithEnv({ NODE_ENV: 'development' }), join(empty, '.matrix'));
  assert.equal(
    await dirWithEnv({ MATRIX_CONFIG: join(cwd, 'matrix.toml') }, PACKAGE_ROOT),
    join(cwd, 'deep', 'data'),
  );
});

test('a data directory that cannot be one is refused by name', async (t) => {
  const cwd = await dirWith(t, 'taken', 'a file\n');
  await assert.rejects(loadSettings(optionsFor(cwd, { MATRIX_DATA_DIR: 'taken' })), {
    code: 'MX_CONFIG_INVALID',
    message: /MATRIX_DATA_DIR: expected a directory that can be written, came .*taken/,
  });
});

test('secrets and the database URL come from files too, and never show in an error', async (t) => {
  const cwd = await tempDir(t);
  await writeFile(join(cwd, 'secret'), `${STRONG}\n`);
  await writeFile(join(cwd, 'url'), 'postgresql://u:p@127.0.0.1/db\n');
  const files = { MATRIX_JWT_SECRET_FILE: join(cwd, 'secret'), MATRIX_DATABASE_URL_FILE: join(cwd, 'url') };
  const settings = await draftSettings(optionsFor(cwd, files));
  assert.equal(settings.jwtSecret, STRONG);
  assert.equal(settings.databaseUrl, 'postgresql://u:p@127.0.0.1/db');
  const both = await refusal(optionsFor(cwd, { ...files, MATRIX_JWT_SECRET: STRONG }));
  assert.match(both.message, /MATRIX_JWT_SECRET_FILE: expected either this or MATRIX_JWT_SECRET, came both/);
  const gone = await refusal(optionsFor(cwd, { MATRIX_JWT_SECRET_FILE: join(cwd, 'none') }));
  assert.match(gone.message, /MATRIX_JWT_SECRET_FILE: expected a readable file: ENOENT/);
  const bad = await refusal(
    optionsFor(cwd, { MATRIX_DATABASE_URL: 'host=h password=hunter2', MATRIX_JWT_SECRET: STRONG }),
  );
  assert.match(bad.message, /MATRIX_DATABASE_URL: expected a URL such as postgres:/);
  assert.doesNotMatch(bad.message, /hunter2/);
});

test('with a database of one’s own the secret has to be given', async (t) => {
  const cwd = await dirWith(t, 'matrix.toml', '[matrix]\ndatabase_url = "postgres://u:p@127.0.0.1/db"\n');
  await assert.rejects(draftSettings(optionsFor(cwd)), { code: 'MX_SECRET_MISSING' });
  await assert.rejects(draftSettings(optionsFor(cwd, { MATRIX_JWT_SECRET: 'change-me' })), {
    code: 'MX_SECRET_WEAK',
  });
  assert.equal((await draftSettings(optionsFor(cwd, { MATRIX_JWT_SECRET: STRONG }))).jwtSecret, STRONG);
});

test('checking tells what would run and leaves nothing behind', async (t) => {
  const cwd = await dirWith(t, 'matrix.toml', '[[http]]\nname = "a"\nurl = "http://127.0.0.1/"\n');
  const env = { MATRIX_DATA_DIR: 'data' };
  const fine = await checkConfig(optionsFor(cwd, env));
  assert.equal(fine.ok, true);
  assert.equal(fine.file, join(cwd, 'matrix.toml'));
  assert.equal(fine.targets['http'], 1);
  assert.match(fine.message, /matrix\.toml: fine; targets: .*1 http/);
  await writeFile(join(cwd, 'matrix.toml'), '[[http]]\nname = "a"\n');
  const broken = await checkConfig(optionsFor(cwd, env));
  assert.equal(broken.ok, false);
  assert.deepEqual(
    broken.problems.map(({ path }) => path),
    ['http[0].url'],
  );
  const weak = await checkConfig(optionsFor(await tempDir(t), { MATRIX_JWT_SECRET: 'x' }));
  assert.deepEqual(
    weak.problems.map(({ path }) => path),
    ['MATRIX_JWT_SECRET'],
  );
  await assert.rejects(readFile(join(cwd, 'data', 'jwt-secret')), { code: 'ENOENT' });
});
