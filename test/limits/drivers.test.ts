/** Lost if this fails: a program or an engine that a probe asks, and that says more than anybody can use. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LIMITS } from '../../src/contract/limits.js';
import { startThread } from '../../src/supervisor/thread.js';
import { askFilesystem } from '../../workers/disk/statfs.js';
import { ping } from '../../workers/wan/ping.js';
import { check } from '../workers/docker/context.js';

function ownDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'mx-drivers-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** An engine on a socket, of unhealthy containers with long names; counts what it is asked of each. */
async function engine(t: TestContext, refusal?: string) {
  const socket = join(ownDirectory(t), 'engine.sock');
  const asked = { inspects: 0 };
  const containers = Array.from({ length: 3 * LIMITS.health_lines.value }, (_, index) => ({
    Id: `id${index}`,
    Names: [`/${`${index}-`.padEnd(5_000, 'n')}`],
    Image: 'i'.repeat(5_000),
    State: 'running',
  }));
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/\?.*/, '');
    const list = /unhealthy|^\/containers\/json\??$/.test(decodeURIComponent(request.url ?? ''))
      ? containers
      : [];
    if (refusal !== undefined) response.writeHead(500).end(JSON.stringify({ message: refusal }));
    else if (path.endsWith('/version')) response.end('{"Version": "28.0.0"}');
    else if (path.endsWith('/containers/json')) response.end(JSON.stringify(list));
    else {
      asked.inspects += 1;
      response.end(JSON.stringify({ State: { Health: { Log: [{ Output: 'ill', ExitCode: 1 }] } } }));
    }
  });
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return { socket, asked, count: containers.length };
}

test('health_lines and engine_text_chars: a hundred ill containers cost so many questions', async (t) => {
  const { socket, asked, count } = await engine(t);
  const findings = await check({ socket });
  assert.equal(findings.size, count + 1);
  assert.equal(asked.inspects, LIMITS.health_lines.value);
  for (const name of findings.keys())
    assert.ok(name.length <= 'local/'.length + LIMITS.engine_text_chars.value);
});

test('engine_refusal: an engine that refuses with a book is refused itself', async (t) => {
  const short = await engine(t, 'no room');
  assert.match((await check({ socket: short.socket })).get('')?.detail ?? '', /no room/);
  const long = await engine(t, 'x'.repeat(LIMITS.engine_refusal.value));
  const finding = (await check({ socket: long.socket })).get('');
  assert.equal(finding?.code, 'engine_error');
  assert.match(finding?.detail ?? '', new RegExp(`larger than ${LIMITS.engine_refusal.value} bytes`));
});

test('ping_output: only the end of what ping prints is kept', async (t) => {
  const directory = ownDirectory(t);
  const program = join(directory, 'ping');
  const path = process.env['PATH'];
  t.after(() => {
    process.env['PATH'] = path;
  });
  process.env['PATH'] = `${directory}:${path}`;
  const summary = '3 packets transmitted, 3 received, 0% packet loss, time 4ms';
  const run = async (behind: number) => {
    writeFileSync(program, `#!/bin/sh\necho "${summary}"\nhead -c ${behind} /dev/zero | tr '\\0' x\n`);
    chmodSync(program, 0o755);
    const request = { address: '127.0.0.1', count: 3, intervalMs: 200, waitS: 1 };
    return (await ping(request, AbortSignal.timeout(20_000))).kind;
  };
  assert.equal(await run(LIMITS.ping_output.value - 2 * summary.length), 'counted');
  assert.notEqual(await run(LIMITS.ping_output.value + 1), 'counted');
});

test('helper_output: a helper that goes on talking is killed, and its check is not judged', async (t) => {
  const node = process.execPath;
  t.after(() => {
    process.execPath = node;
  });
  const directory = ownDirectory(t);
  process.execPath = join(directory, 'node');
  writeFileSync(process.execPath, '#!/bin/sh\nexec yes "not a word of use"\n');
  chmodSync(process.execPath, 0o755);
  const begunAt = performance.now();
  const answer = await askFilesystem(directory, AbortSignal.timeout(20_000));
  assert.equal(answer.kind, 'not_asked');
  assert.ok(performance.now() - begunAt < 15_000, 'it was heard until the check was over');
  assert.ok(LIMITS.helper_output.value > 0);
});

test('core_heap: a core thread gets so much memory and no more', async () => {
  const script = `import { parentPort, resourceLimits } from 'node:worker_threads';
    parentPort.postMessage({ kind: 'heap', mib: resourceLimits.maxOldGenerationSizeMb });
    parentPort.postMessage({ kind: 'ready' });
    parentPort.on('message', () => process.exit(0));`;
  let heapMib = 0;
  const thread = await startThread<{ kind: string; mib?: number }, { kind: string }>({
    file: new URL(`data:text/javascript,${encodeURIComponent(script)}`),
    data: {},
    readyMs: 20_000,
    onMessage: (message) => {
      heapMib = message.mib ?? heapMib;
    },
  });
  thread.stop();
  await thread.exited;
  assert.equal(heapMib, LIMITS.core_heap.value);
});
