/** Core children on real threads and processes: what starts, what ends, and what each end is called. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { systemClock } from '../../src/contract/clock.js';
import type { Child } from '../../src/supervisor/child.js';
import { childSpec } from '../../src/supervisor/child-spec.js';
import { Managed } from '../../src/supervisor/managed.js';
import { startProcess } from '../../src/supervisor/process.js';
import { startThread } from '../../src/supervisor/thread.js';
import { until } from '../support/wait.js';

type Out = { kind: string; text?: string; code?: number };

interface Options {
  readonly start: string;
  readonly deaf?: boolean;
  readonly readyMs?: number;
}

const said: Out[] = [];
const children: Promise<Child>[] = [];
// Also of a test that failed: children that live on keep the whole process.
after(async () => {
  for (const started of await Promise.allSettled(children))
    if (started.status === 'fulfilled') await started.value.kill();
});
const kept = <T extends Child>(child: Promise<T>): Promise<T> => {
  children.push(child);
  return child;
};

function thread({ start, deaf, readyMs = 10_000 }: Options) {
  return kept(
    startThread<Out, Out>({
      file: new URL('../support/thread-fixture.js', import.meta.url),
      data: { start, deaf, logging: { level: 'error', format: 'json', base: {} } },
      onMessage: (message) => void said.push(message),
      readyMs,
    }),
  );
}

function process_({ start, deaf, readyMs = 10_000 }: Options) {
  return kept(
    startProcess<Out, Out>({
      file: new URL('../support/process-fixture.js', import.meta.url),
      first: { kind: 'init', start, deaf } as Out,
      onMessage: (message) => void said.push(message),
      isReady: (message) => message.kind === 'ready',
      readyMs,
    }),
  );
}

for (const [kind, startChild] of [
  ['thread', thread],
  ['process', process_],
] as const) {
  test(`a ${kind} that is ready hears and is heard, and ends when asked`, async () => {
    const child = await startChild({ start: 'ready' });
    child.send({ kind: 'echo', text: kind });
    await until('the echo', () => said.some((message) => message.text === kind));
    await until('a sign of life', () => (child.health?.().heapUsedBytes ?? 0) > 0);
    child.stop();
    assert.equal(await child.exited, 'normal');
  });

  test(`a ${kind} that never gets ready is a failed start, and gone`, async () => {
    await assert.rejects(startChild({ start: 'never', readyMs: 700 }), /not ready after 700 ms/);
  });

  test(`a ${kind} that ends before it is ready is a failed start at once`, async () => {
    await assert.rejects(startChild({ start: 'exit', readyMs: 60_000 }), /ended before it was ready/);
  });

  test(`a ${kind} that does not listen can be killed; the kill resolves when it is gone`, async () => {
    const child = await startChild({ start: 'ready', deaf: true });
    child.stop();
    child.send({ kind: 'echo', text: `${kind} still there` });
    await until('the echo', () => said.some((message) => message.text === `${kind} still there`));
    await child.kill();
    assert.equal(await child.exited, 'killed');
  });
}

test('a thread that crashes at load says why', async () => {
  await assert.rejects(thread({ start: 'crash' }), /crashed at load/);
});

test('a crash is an exit with its reason, not a rejection that ends Matrix', async () => {
  const child = await thread({ start: 'ready' });
  child.send({ kind: 'crash' });
  assert.equal(await child.exited, 'crashed as told');
  const other = await thread({ start: 'ready' });
  other.send({ kind: 'exit', code: 4 });
  assert.equal(await other.exited, 'exit code 4');
});

test('a process that dies of a signal is seen; what is said to it afterwards harms nobody', async () => {
  const child = await process_({ start: 'ready' });
  process.kill(child.pid, 'SIGKILL');
  assert.equal(await child.exited, 'exit SIGKILL');
  child.send({ kind: 'echo', text: 'anybody there?' });
  child.stop();
  await child.kill();
});

test('a supervised thread that crashes is there again', async () => {
  const events: string[] = [];
  const managed = new Managed({
    spec: childSpec({ id: 'fixture' }),
    kind: 'thread',
    clock: systemClock,
    whenExhausted: 'escalate',
    onEvent: (event) => void events.push(event.kind),
    start: () => thread({ start: 'ready' }),
  });
  await managed.start();
  (managed.child as Awaited<ReturnType<typeof thread>>).send({ kind: 'crash' });
  await until('it runs again', () => events.filter((kind) => kind === 'started').length === 2);
  assert.equal(managed.node().lastExit?.reason, 'crashed as told');
  await managed.stop();
});
