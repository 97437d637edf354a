/** Without these a paused terminal or a full log pipe would stop the monitoring, or lines would be torn apart. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const WRITER = fileURLToPath(new URL('./writer.js', import.meta.url));
const FLOOD_LINES = 20_000;

interface Line {
  readonly service: string;
  readonly message: string;
  readonly line?: number;
  readonly dropped?: number;
}

function start(t: TestContext, mode: string[], stdout: 'pipe' | number) {
  const child = spawn(process.execPath, [WRITER, ...mode], { stdio: ['pipe', stdout, 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function tempDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'matrix-log-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Both ends of a named pipe; `node:child_process` itself makes sockets, which behave differently. */
async function namedPipe(t: TestContext): Promise<{ readEnd: number; writeEnd: number }> {
  const path = join(await tempDir(t), 'pipe');
  execFileSync('mkfifo', [path]);
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(path, constants.O_WRONLY);
  return { readEnd, writeEnd };
}

async function floodAgainst(t: TestContext, stdout: 'pipe' | number, reader?: () => Readable): Promise<void> {
  const child = start(t, ['flood'], stdout);
  const { stderr, stdin } = child;
  assert.ok(stderr && stdin);
  const [done] = await once(createInterface({ input: stderr }), 'line');
  const dropped = Number(String(done).split(' ')[1]);
  assert.ok(dropped > 0, 'nobody read, so something was dropped; and the writer went on');
  const seen: Line[] = [];
  const output = reader?.() ?? child.stdout;
  assert.ok(output);
  for await (const text of createInterface({ input: output })) {
    const line = JSON.parse(text) as Line;
    seen.push(line);
    if (line.dropped !== undefined) break;
  }
  const note = seen.at(-1);
  assert.equal(note?.message, `${dropped} log lines were dropped: standard output was not read fast enough`);
  assert.equal(seen.length - 1 + dropped, FLOOD_LINES, 'every line is there or counted');
  const exited = once(child, 'exit');
  stdin.end();
  assert.deepEqual(await exited, [0, null]);
}

test('a reader that stalls on a socket stops nothing, and gets the count of what was dropped', {
  timeout: 120_000,
}, async (t) => {
  await floodAgainst(t, 'pipe');
});

test('a reader that stalls on a pipe stops nothing, and gets the count of what was dropped', {
  timeout: 120_000,
}, async (t) => {
  const { readEnd, writeEnd } = await namedPipe(t);
  await floodAgainst(t, writeEnd, () => pollingReader(t, readEnd));
});

/** Reads a descriptor through the system's `cat`: it becomes a blocking one when it is handed over. */
function pollingReader(t: TestContext, fd: number): Readable {
  const cat = spawn('cat', { stdio: [fd, 'pipe', 'inherit'] });
  t.after(() => cat.kill('SIGKILL'));
  assert.ok(cat.stdout);
  return cat.stdout;
}

test('lines of many threads never mix, on a pipe, a socket and a file', { timeout: 120_000 }, async (t) => {
  const threads = 4;
  const check = (texts: readonly string[]) => {
    const counts = new Map<string, number>();
    for (const text of texts) {
      const { service } = JSON.parse(text) as Line;
      assert.ok(Buffer.byteLength(text) < 4096);
      counts.set(service, (counts.get(service) ?? 0) + 1);
    }
    assert.deepEqual([...counts.values()], Array(threads + 1).fill(300));
  };
  const linesOf = async (output: Readable) => {
    const texts: string[] = [];
    for await (const text of createInterface({ input: output })) texts.push(text);
    return texts;
  };
  const socket = start(t, ['threads', String(threads)], 'pipe');
  assert.ok(socket.stdout);
  check(await linesOf(socket.stdout));

  const file = join(await tempDir(t), 'log');
  const toFile = start(t, ['threads', String(threads)], openSync(file, 'w'));
  assert.deepEqual(await once(toFile, 'exit'), [0, null]);
  check((await readFile(file, 'utf8')).trimEnd().split('\n'));

  const shell = spawn('sh', [
    '-c',
    '"$0" "$1" threads "$2" | cat',
    process.execPath,
    WRITER,
    String(threads),
  ]);
  t.after(() => shell.kill('SIGKILL'));
  check(await linesOf(shell.stdout));
});

test('what was logged right before an exit is written', { timeout: 60_000 }, async (t) => {
  const { stdout } = start(t, ['exit'], 'pipe');
  assert.ok(stdout);
  stdout.setEncoding('utf8');
  let text = '';
  for await (const piece of stdout) text += piece;
  assert.equal((JSON.parse(text) as Line).message, 'the last word');
});

test('neither a reader that is gone nor one that never reads keeps Matrix from running and ending', {
  timeout: 120_000,
}, async (t) => {
  const gone = start(t, ['flood'], 'pipe');
  gone.stdout?.destroy();
  const stalled = start(t, ['flood'], 'pipe');
  for (const child of [gone, stalled]) {
    assert.ok(child.stderr && child.stdin);
    await once(createInterface({ input: child.stderr }), 'line');
    const exited = once(child, 'exit');
    child.stdin.end();
    assert.deepEqual(await exited, [0, null]);
  }
});
