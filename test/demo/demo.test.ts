/** If this fails, the first thing that a curious person tries does not work, or leaves something behind. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Status } from '../../schema/wire.js';
import { PACKAGE_ROOT } from '../../src/config/paths.js';
import { until } from '../support/wait.js';

const MAIN = join(PACKAGE_ROOT, 'dist', 'ops', 'demo', 'main.js');

interface Demo {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  said(): string;
}

function startDemo(...args: string[]): Demo {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return { child, exited, said: () => said };
}

/** The line of the greeting that begins with this word. */
function greeted(demo: Demo, word: string): Promise<string> {
  return until(
    `the demo says its ${word}`,
    () => {
      if (demo.child.exitCode !== null) throw new Error(`the demo ended:\n${demo.said()}`);
      return new RegExp(`^ +${word} +(\\S+)$`, 'm').exec(demo.said())?.[1];
    },
    60_000,
  );
}

/** Processes, such as its database, that name the directory of the demo. */
function processesOf(directory: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return command.includes(directory) ? [command.replaceAll('\0', ' ')] : [];
      } catch {
        return [];
      }
    });
}

const EXPECTED = {
  healthy: 'pass null',
  slow: 'pass null',
  down: 'fail connect_refused',
  'self-signed': 'fail tls_self_signed',
  expiring: 'warn tls_expiring',
  moved: 'pass null',
  'alive-only': 'pass null',
  disk: 'warn disk_nearly_full',
};

test('shows every kind of target as what it is, and ends by itself without a trace', async (t) => {
  const demo = startDemo('--seconds', '30');
  t.after(() => demo.child.kill('SIGKILL'));
  const board = await greeted(demo, 'Board');
  const token = await greeted(demo, 'Token');
  const directory = /removes (\S+)$/m.exec(demo.said())?.[1] ?? '';
  assert.ok(existsSync(directory));

  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(new URL(path, board), { headers, signal: AbortSignal.timeout(10_000) });
  assert.match(await (await get('/matrix')).text(), /<html/);
  const states = async () => {
    // Before the first result there is a message instead of checks.
    const { checks = [] } = (await (await get('/matrix/api/status')).json()) as Partial<Status>;
    return Object.fromEntries(checks.map(({ service, status, code }) => [service, `${status} ${code}`]));
  };
  const all = await until('every target has been judged', async () => {
    const found = await states();
    return Object.keys(EXPECTED).every((name) => !(found[name] ?? 'unknown').startsWith('unknown')) && found;
  });
  const { flaky, matrix: _, ...steady } = all;
  assert.deepEqual(steady, EXPECTED);
  assert.match(flaky ?? '', /^(pass null|fail http_status)$/);
  assert.ok((await states())['matrix'] !== undefined, 'Matrix watches itself as well');

  const removal = { method: 'DELETE', headers: { authorization: `Bearer ${token}` } };
  const answer = await fetch(new URL('/matrix/api/services/nobody', board), removal);
  assert.equal(answer.status, 404, 'the printed token is one of an admin');

  assert.equal(await demo.exited, 0, demo.said());
  assert.equal(existsSync(directory), false);
  assert.deepEqual(processesOf(directory), []);
});

test('Ctrl-C, also a hasty one, ends it with 0 and leaves nothing behind', async (t) => {
  const before = new Set(readdirSync(tmpRoot()));
  const demo = startDemo();
  t.after(() => demo.child.kill('SIGKILL'));
  const made = () =>
    readdirSync(tmpRoot()).filter((name) => name.startsWith('matrix-demo-') && !before.has(name));
  await until('the demo has made its directory', () => made().length > 0 || demo.child.exitCode !== null);
  demo.child.kill('SIGINT');
  assert.equal(await demo.exited, 0, demo.said());
  assert.deepEqual(made(), []);
});

test('a wrong argument is refused in a sentence', () => {
  assert.throws(
    () => execFileSync(process.execPath, [MAIN, '--seconds', 'soon'], { encoding: 'utf8', stdio: 'pipe' }),
    /demo: --seconds takes a number from 1 to 86400/,
  );
});

function tmpRoot(): string {
  return process.env['TMPDIR'] ?? '/tmp';
}
