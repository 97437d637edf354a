/** Lost if this fails: scripts around `matrix` break on its output or its exit codes, and people get stack traces. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { main } from '../../src/cli/main.js';
import { PACKAGE_ROOT, VERSION } from '../../src/config/paths.js';
import { LIMITS } from '../../src/contract/limits.js';
import { OPERATIONS } from '../../src/front/operations/registry.js';
import { alert, check, cycle, type Fixture, SECRET, serve, token } from '../front/support.js';

let fixture: Fixture;
before(async () => {
  fixture = await serve((store) => {
    store.checks = [
      check('web', {
        status: 'fail',
        code: 'http_status',
        detail: 'status (500) == 200\u001b[2Jforged\nline',
      }),
      check('a much longer name / ü', { family: 'disk' }),
    ];
    store.alerts = [alert('web')];
    store.cycle = cycle(12, { overall: 'fail' });
  });
});
after(() => fixture.front.drain());

async function run(
  args: readonly string[],
  more: { env?: Record<string, string>; isTerminal?: boolean } = {},
) {
  const said = { code: -1, out: '', err: '' };
  said.code = await main(args, {
    env: { MATRIX_URL: fixture.base, ...more.env },
    cwd: PACKAGE_ROOT,
    isTerminal: more.isTerminal ?? false,
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
  });
  return said;
}

test('every operation has its command, and every command its help', async () => {
  const { out, code } = await run(['--help']);
  assert.equal(code, 0);
  for (const { cli } of OPERATIONS) {
    assert.match(out, new RegExp(`^  ${cli.command} `, 'm'));
    const help = await run([cli.command, '--help']);
    assert.equal(help.code, 0);
    assert.match(help.out, new RegExp(`Usage: matrix ${cli.command}`));
  }
  assert.equal((await run(['--version'])).out, `${VERSION}\n`);
  assert.equal((await run([])).code, 2);
});

test('status is an aligned table without colours in a pipe, and exits 1 while something fails', async () => {
  const { out, code } = await run(['status']);
  assert.equal(code, 1);
  assert.equal(out, stripVTControlCharacters(out));
  assert.match(out, /Something is failing/);
  const lines = out.trimEnd().split('\n');
  const header = lines.find((line) => line.startsWith('STATUS')) ?? '';
  const rows = lines.slice(lines.indexOf(header) + 1);
  assert.equal(rows.length, 2, 'a detail forged a line of its own');
  for (const row of rows) {
    assert.match(row.slice(header.indexOf('FAMILY')), /^(http|disk) /);
    assert.match(row.slice(header.indexOf('DETAIL')), /^status/);
  }
});

test('the headline of status counts what the table shows; an open cycle and unstored results are said', async (t) => {
  const other = await serve((store) => {
    store.checks = [check('web', { status: 'fail' }), check('api', { stored: false }), check('disk')];
    store.cycle = cycle(6, {
      overall: 'fail',
      closed: false,
      counts: { pass: 2, warn: 0, fail: 0, unknown: 0 },
    });
  });
  t.after(() => other.front.drain());
  const { out } = await run(['status'], { env: { MATRIX_URL: other.base } });
  const [overall, services, of, waiting] = out.split('\n');
  assert.equal(overall, 'Something is failing.');
  assert.equal(services, '3 services: 2 pass, 0 warn, 1 fail, 0 unknown');
  assert.match(of ?? '', /^Cycle 6 began .+ ago and still runs$/);
  assert.equal(waiting, '1 result is not stored yet: the database is away');
  assert.match(out, /api .*\(not stored yet\)$/m);
  assert.doesNotMatch(out, /(web|disk) .*not stored/);
});

test('limits fit a terminal and say what happens beyond', async () => {
  const { out } = await run(['limits']);
  const tooLong = out.split('\n').filter((line) => line.length > 120);
  assert.deepEqual(tooLong, []);
  const words = out.replaceAll(/\s+/g, ' ');
  for (const [limit, { beyond }] of Object.entries(LIMITS)) {
    assert.match(out, new RegExp(`^${limit} `, 'm'));
    assert.ok(words.includes(`beyond: ${beyond}`), limit);
  }
});

test('a history that was cut says so', async () => {
  const { out } = await run(['history', 'web']);
  assert.match(out, /^Only the newest 100 results of the last 24 h/);
});

test('an error of ours has the code that the runbook is searched by', async () => {
  const { err } = await run(['token'], { env: { MATRIX_JWT_SECRET: 'changeme' } });
  assert.match(err, /^matrix token: .+ \(MX_SECRET_WEAK\)\n/);
  const none = await run(['history', 'none']);
  assert.equal(none.err.match(/MX_NOT_FOUND/g)?.length, 1, 'the server had said it');
});

test('colours are for terminals only, and not where they are unwanted', async () => {
  const colourful = await run(['status'], { isTerminal: true });
  assert.notEqual(colourful.out, stripVTControlCharacters(colourful.out));
  const plain = await run(['status'], { isTerminal: true, env: { NO_COLOR: '1' } });
  assert.equal(plain.out, stripVTControlCharacters(plain.out));
});

test('--json is what the server gave', async () => {
  const { out } = await run(['status', '--json']);
  assert.deepEqual(JSON.parse(out), await (await fetch(`${fixture.base}/api/status`)).json());
});

test('names with slashes and spaces, and options with their types, arrive as meant', async () => {
  const { out, code } = await run(['history', 'a much longer name / ü', '--hours', '1.5', '--json']);
  assert.equal(code, 0);
  const answer = JSON.parse(out) as { service: string; hours: number };
  assert.deepEqual([answer.service, answer.hours], ['a much longer name / ü', 1.5]);
  assert.match((await run(['uptime'])).out, /99\.00 %/);
  assert.match((await run(['alerts', '--include-acked', '--limit', '5'])).out, /web/);
  assert.equal((await run(['services'])).code, 0);
});

test('a refusal is its sentence and the next step, with exit code 1', async () => {
  const none = await run(['history', 'none']);
  assert.equal(none.code, 1);
  assert.match(
    none.err,
    /^matrix history: There is no service named "none" \(MX_NOT_FOUND, request_id .+\)\n/,
  );
  const id = fixture.store.alerts[0]?.id ?? '';
  const anonymous = await run(['ack', id]);
  assert.equal(anonymous.code, 1);
  assert.match(anonymous.err, /missing bearer token.*\nexport MATRIX_TOKEN=\$\(matrix token/);
  const env = { MATRIX_TOKEN: await token('member') };
  const done = await run(['ack', id, '--acked-by', 'night-shift'], { env });
  assert.deepEqual([done.code, done.err], [0, '']);
  assert.match(done.out, /acknowledged by night-shift/);
  assert.equal((await run(['supervisor'])).code, 1);
});

test('services are registered and removed from the command line', async () => {
  const env = { MATRIX_TOKEN: await token('admin') };
  const made = await run(['register', 'shop', 'http', '--config', '{"url":"http://127.0.0.1"}'], { env });
  assert.deepEqual([made.code, made.out], [0, 'Registered shop (http).\n']);
  assert.deepEqual(fixture.store.services[0]?.config, { url: 'http://127.0.0.1' });
  assert.equal((await run(['remove', 'shop'], { env })).out, 'Removed shop.\n');
});

test('a wrong command line exits 2 and shows the usage', async () => {
  for (const args of [
    ['history'],
    ['status', 'extra'],
    ['uptime', '--dayz', '3'],
    ['history', 'x', '--hours', 'soon'],
  ]) {
    const { code, err, out } = await run(args);
    assert.equal(code, 2, args.join(' '));
    assert.match(err, new RegExp(`Usage: matrix ${args[0]}`));
    assert.equal(out, '');
  }
  assert.match((await run(['statsu'])).err, /did you mean status\?/);
});

test('a server that is not there, or is something else, is said plainly', async () => {
  const other = createServer((_request, answer) => answer.end('<html>')).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const wrong = await run(['status'], { env: { MATRIX_URL: `http://127.0.0.1:${port}` } });
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /that is not Matrix/);
  const closed = once(other, 'close');
  other.close();
  other.closeAllConnections();
  await closed;
  const gone = await run(['status'], { env: { MATRIX_URL: '', MATRIX_PORT: String(port) } });
  assert.equal(gone.code, 1);
  assert.match(
    gone.err,
    /Cannot reach Matrix at http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.*\nStart it with.*wait some seconds/,
  );
});

test('token prints the token alone, and the server takes it', async () => {
  const env = { MATRIX_JWT_SECRET: SECRET };
  const { out, err, code } = await run(
    ['token', '--role', 'admin', '--subject', 'night-shift', '--ttl', '5m'],
    {
      env,
    },
  );
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  const claims = JSON.parse(Buffer.from(out.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    number
  >;
  assert.deepEqual([claims['role'], claims['sub']], ['admin', 'night-shift']);
  assert.equal((claims['exp'] ?? 0) - (claims['iat'] ?? 0), 300);
  assert.equal((await run(['services'], { env: { MATRIX_TOKEN: out.trim() } })).code, 0);
  assert.equal((await run(['token', '--role', 'root'], { env })).code, 2);
  assert.equal((await run(['token', '--ttl', 'soon'], { env })).code, 2);
  const weak = await run(['token'], { env: { MATRIX_JWT_SECRET: 'changeme' } });
  assert.deepEqual([weak.code, weak.out], [1, '']);
});

test('the installed command runs and sets the exit code of its process', async () => {
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, 'ops/matrix.mjs'), 'status', '--json'], {
    env: { PATH: process.env['PATH'], MATRIX_URL: fixture.base },
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number];
  assert.equal(code, 1);
  assert.equal((JSON.parse(Buffer.concat(chunks).toString()) as { overall: string }).overall, 'fail');
});

test('config check says what is wrong and where, with exit code 1', async () => {
  const { code, err, out } = await run(['config', 'check', '--config', '/nowhere/matrix.toml']);
  assert.deepEqual([code, out], [1, '']);
  assert.match(err, /\/nowhere\/matrix\.toml/);
  assert.equal((await run(['config', 'chekc'])).code, 2);
});
