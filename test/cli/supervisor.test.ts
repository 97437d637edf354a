/** Lost if this fails: operators look at an old tree, restart the wrong part, or get their terminal back broken. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { main } from '../../src/cli/main.js';
import { PACKAGE_ROOT } from '../../src/config/paths.js';
import type { NodeState } from '../../src/contract/tree.js';
import type { AgedTree } from '../../src/front/operations/get-supervisor.js';
import { type Fixture, serve, token } from '../front/support.js';
import { tree } from '../front/tree-kit.js';
import { freePort } from '../support/matrix.js';
import { until } from '../support/wait.js';
import { Pty } from './pty.js';

const limit = { timeout: 60_000 };

const restarted = (total: number): NodeState =>
  tree({ restarts: { total, inWindow: 0, intensity: 10, periodMs: 60_000 } });

async function served(t: TestContext, init: Parameters<typeof serve>[1] = {}): Promise<Fixture> {
  const fixture = await serve(() => {}, init);
  t.after(() => fixture.front.drain());
  fixture.front.take({ kind: 'tree', tree: restarted(0) });
  return fixture;
}

function terminal(t: TestContext, fixture: Fixture, env: Record<string, string> = {}, words = 'supervisor') {
  const pty = new Pty(words, { MATRIX_URL: fixture.base, ...env });
  t.after(() => pty.kill());
  return pty;
}

/** Runs a command in this process, as in a pipe. */
function start(args: readonly string[], env: Record<string, string>) {
  const said = { out: '', err: '' };
  const code = main(args, {
    env,
    cwd: PACKAGE_ROOT,
    isTerminal: false,
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
  });
  return { code, said };
}

async function run(fixture: Fixture, args: readonly string[]) {
  const { code, said } = start(args, { MATRIX_URL: fixture.base });
  return { code: await code, ...said };
}

test(
  'in a pipe the tree is printed once, as a table or as the JSON that the server gave',
  limit,
  async (t) => {
    const fixture = await served(t);
    const { code, out } = await run(fixture, ['supervisor']);
    assert.equal(code, 0);
    assert.match(out, /^STATUS +NODE +KIND +RESTARTS +LOOP +HEAP +BACKLOG +UP +LAST EXIT\n/);
    assert.match(out, /^running +probe:http +thread +0 \(0\/5\) /m);
    assert.match(out, /^running +families +supervisor +- /m);
    const { age_ms, ...told } = JSON.parse((await run(fixture, ['supervisor', '--json'])).out) as AgedTree;
    assert.deepEqual(told, restarted(0));
    assert.ok(Number.isInteger(age_ms) && age_ms >= 0, String(age_ms));
    fixture.front.take({ kind: 'tree', tree: { ...restarted(0), status: 'failed' } });
    assert.equal((await run(fixture, ['supervisor', '--once'])).code, 1);
    for (const args of [['--watch'], ['--once', '--watch'], ['extra']]) {
      assert.equal((await run(fixture, ['supervisor', ...args])).code, 2, args.join(' '));
    }
  },
);

test(
  'a restart from the command line says what became of it; a wrong id names the nearest',
  limit,
  async (t) => {
    const fixture = await served(t);
    const env = { MATRIX_URL: fixture.base, MATRIX_TOKEN: await token('admin') };
    const ask = (child: string) => start(['restart', child], env);
    const done = ask('probe:http');
    const { request, child } = await until('the question', () => fixture.restarts[0]);
    assert.equal(child, 'probe:http');
    fixture.front.take({ kind: 'child_restarted', request, outcome: 'restarted' });
    assert.deepEqual([await done.code, done.said.out], [0, 'probe:http was restarted.\n']);
    const wrong = ask('probe:htp');
    const second = await until('the question', () => fixture.restarts[1]);
    fixture.front.take({ kind: 'child_restarted', request: second.request, outcome: 'unknown' });
    assert.equal(await wrong.code, 1);
    assert.match(wrong.said.err, /did you mean probe:http\?.*\n.*matrix supervisor/);
    const anonymous = await run(fixture, ['restart', 'writer']);
    assert.match(
      anonymous.err,
      /missing bearer token.*\nexport MATRIX_TOKEN=\$\(matrix token --role admin\)/,
    );
  },
);

test('--json --watch is one line a tree, also across a restart of the server', limit, async (t) => {
  const port = await freePort();
  const first = await serve(() => {}, { port });
  first.front.take({ kind: 'tree', tree: restarted(0) });
  const child = spawn(
    process.execPath,
    [join(PACKAGE_ROOT, 'ops/matrix.mjs'), 'supervisor', '--json', '--watch'],
    {
      env: { PATH: process.env['PATH'], MATRIX_URL: first.base },
    },
  );
  t.after(() => child.kill('SIGKILL'));
  const totals: (number | undefined)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    totals.push((JSON.parse(line) as NodeState).children[0]?.restarts.total);
  });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  await until('the first tree', () => {
    assert.equal(child.exitCode, null, said);
    return totals.includes(0);
  });
  first.front.take({ kind: 'tree', tree: restarted(1) });
  await until('the second tree', () => totals.includes(1));
  await first.front.drain();
  await until('the loss is said', () => said.includes('trying again'));
  const second = await served(t, { port });
  second.front.take({ kind: 'tree', tree: restarted(2) });
  await until('the tree of the new server', () => totals.includes(2));
  const closed = once(child, 'close');
  child.stdout.destroy();
  second.front.take({ kind: 'tree', tree: restarted(3) });
  await closed;
  assert.equal(child.exitCode, 0, 'a reader that has enough is no error');
});

test('a tree that nobody renews is not shown as the present', limit, async (t) => {
  const fixture = await served(t);
  const old = await until('the age is said', async () => {
    const { out } = await run(fixture, ['supervisor', '--once']);
    return out.startsWith('As of') ? out : undefined;
  });
  assert.match(old, /^As of \d+ s ago: the supervisor has not reported since\.\n\nSTATUS/);
  const pty = terminal(t, fixture);
  await pty.shows(/as of \d+ s ago: the supervisor has not reported since/);
  // The server repeats it: it lives, and is not blamed however long the supervisor is silent.
  await pty.shows(/as of 1[2-9] s ago: the supervisor has not reported since/);
  fixture.front.take({ kind: 'tree', tree: restarted(1) });
  await pty.shows(/live[\s\S]*writer +1 /);
});

test('on a terminal it is live, and leaves it as it was', limit, async (t) => {
  const fixture = await served(t);
  const pty = terminal(t, fixture);
  await pty.shows(/live[\s\S]*writer +0 \(0\/10\)/);
  fixture.front.take({ kind: 'tree', tree: restarted(4) });
  await pty.shows(/writer +4 \(0\/10\)/);
  pty.type('q');
  const { left, isRestored } = await pty.end();
  assert.match(left, /rc=0/);
  assert.ok(isRestored, left);
});

test('keys select a child; r asks first, then restarts it and says what became of it', limit, async (t) => {
  const fixture = await served(t);
  const pty = terminal(t, fixture, { MATRIX_TOKEN: await token('admin') });
  await pty.shows(/> running +writer/);
  pty.type('j\u001b[B\u001b[Bj');
  await pty.shows(/> running +probe:http/);
  pty.type('r');
  await pty.shows(/Restart probe:http\? y\/n/);
  pty.type('n');
  await pty.shows(/last exit|never ended\s+up\/down/);
  pty.type('ry');
  const { request, child } = await until('the question', () => fixture.restarts[0]);
  assert.deepEqual([child, fixture.restarts.length], ['probe:http', 1], 'an n restarted it too');
  fixture.front.take({ kind: 'child_restarted', request, outcome: 'restarted' });
  await pty.shows(/probe:http was restarted\./);
  pty.type('kkr');
  await pty.shows(/families is a supervisor and is not restarted/);
  pty.type('\u0003');
  assert.ok((await pty.end()).isRestored);
});

test('without a token the view tells how to get one, and goes on', limit, async (t) => {
  const fixture = await served(t);
  const pty = terminal(t, fixture);
  await pty.shows(/> running +writer/);
  pty.type('ry');
  await pty.shows(/missing bearer token[\s\S]*\n\s*export MATRIX_TOKEN=\$\(matrix token --role admin\)/);
  assert.equal(fixture.restarts.length, 0);
  fixture.front.take({ kind: 'tree', tree: restarted(9) });
  await pty.shows(/writer +9 /);
  pty.type('q');
  assert.ok((await pty.end()).isRestored);
});

test('a server that goes away is said with why, and found again', limit, async (t) => {
  const port = await freePort();
  const first = await serve(() => {}, { port });
  first.front.take({ kind: 'tree', tree: restarted(0) });
  const pty = terminal(t, first);
  await pty.shows(/live/);
  await first.front.drain();
  await pty.shows(/no connection, as of \d+ s ago[\s\S]*ECONNREFUSED/);
  const second = await served(t, { port });
  second.front.take({ kind: 'tree', tree: restarted(5) });
  await pty.shows(/live[\s\S]*writer +5 /);
  pty.type('q');
  assert.ok((await pty.end()).isRestored);
});

test(
  'a server that is not there, or does not let in, is said before the screen is taken',
  limit,
  async (t) => {
    const fixture = await served(t, { anonymousRead: false });
    const { left, isRestored } = await terminal(t, fixture).end();
    assert.match(left, /missing bearer token[\s\S]*--role viewer[\s\S]*rc=1/);
    assert.equal(isRestored, false, 'it took the screen for nothing');
  },
);

test('a signal and a crash give the terminal back too; the crash shows its stack', limit, async (t) => {
  const fixture = await served(t);
  const stopped = terminal(t, fixture);
  await stopped.shows(/live/);
  process.kill(stopped.pid, 'SIGTERM');
  const ended = await stopped.end();
  assert.match(ended.left, /rc=143/);
  assert.ok(ended.isRestored, ended.left);
  const bomb = "data:text/javascript,process.on('SIGUSR2',()=>{throw%20new%20Error('boom')})";
  const crashed = terminal(t, fixture, { NODE_OPTIONS: `--import=${bomb}` });
  await crashed.shows(/live/);
  process.kill(crashed.pid, 'SIGUSR2');
  const crash = await crashed.end();
  assert.match(crash.left, /boom[\s\S]*rc=1/);
  assert.ok(crash.isRestored, crash.left);
});
