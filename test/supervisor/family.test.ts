import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Kit, makeFamily } from './family-kit.js';

describe('what a thread holds is answered, whatever becomes of it', () => {
  let kit: Kit;
  before(async () => {
    kit = makeFamily();
    await kit.family.start();
  });
  after(() => kit.family.stop());
  const code = (results: readonly { code?: string; verdict: string }[]) =>
    results.map((result) => result.code ?? result.verdict);

  test('a slow target holds nobody up and loses nothing (its services would stay as they were for ever)', async () => {
    const [fast, middle, slow] = kit.submit({}, { ms: 150 }, { ms: 600 });
    assert.ok(fast && middle && slow);
    await kit.answers([fast]);
    assert.equal(
      kit.outcomes.some((outcome) => outcome.due === slow),
      false,
    );
    const outcomes = await kit.answers([fast, middle, slow]);
    for (const outcome of outcomes) assert.equal(outcome.results[0]?.verdict, 'pass');
  });

  test('a result carries who, when and how long', async () => {
    const [due] = kit.submit({ ms: 30 });
    assert.ok(due);
    const [result] = (await kit.answers([due]))[0]?.results ?? [];
    assert.equal(result?.service, due.target.name);
    assert.equal(result?.target, due.target.name);
    assert.equal(result?.family, 'fixture');
    assert.equal(result?.dueAt, due.dueAt);
    assert.ok((result?.durationMs ?? 0) >= 25);
  });

  test('one call may judge several services; they stay together', async () => {
    const [outcome] = await kit.answers(kit.submit({ name: 'engine', does: 'many' }));
    assert.deepEqual(
      outcome?.results.map((result) => [result.service, result.target, result.verdict]),
      [
        ['engine', 'engine', 'pass'],
        ['engine/a', 'engine', 'warn'],
      ],
    );
  });

  test('a probe that throws or answers nonsense is our bug, not an outage, and harms no other check', async () => {
    const results = await kit.ask({ does: 'throw' }, { does: 'nonsense' }, { ms: 50 });
    assert.deepEqual(code(results), ['probe_error', 'probe_error', 'pass']);
    assert.match(results[0]?.detail ?? '', /the driver is broken/);
  });

  test('a probe that ignores its deadline is cut off; one that heeds it speaks for itself', async () => {
    const results = await kit.ask({ does: 'never', timeoutMs: 100 }, { does: 'obedient', timeoutMs: 100 });
    assert.deepEqual(code(results), ['probe_overrun', 'timeout']);
  });

  test('what a target sends cannot poison the queue: text is clean and bounded, durations are numbers', async () => {
    const [result] = await kit.ask({ does: 'odd' });
    assert.ok((result?.detail.length ?? 0) <= 1000);
    assert.doesNotMatch(JSON.stringify(result), /\\u0000|\\ud800/);
    assert.ok(Number.isFinite(result?.durationMs));
  });

  test('the same target handed over twice at once is answered twice', async () => {
    const dues = kit.submit({ name: 'twin', ms: 20 }, { name: 'twin', ms: 20 });
    await kit.answers(dues);
    assert.equal(kit.family.backlog, 0);
  });

  for (const [does, reason] of [
    ['exit', /exit code 3/],
    ['uncaught', /thrown outside/],
    ['rejection', /rejected outside/],
    ['memory', /memory/],
  ] as const) {
    test(`a thread that dies (${does}) costs only what it held, and probing goes on`, async () => {
      const quick = kit.submit({ name: `quick-${does}` });
      await kit.answers(quick);
      const events = kit.events.length;
      const dues = kit.submit({ name: `early-${does}` }, { ms: 200, does }, { does: 'never' });
      const outcomes = await kit.answers(dues);
      assert.deepEqual(
        outcomes.map((outcome) => outcome.results[0]?.code ?? outcome.results[0]?.verdict),
        ['pass', 'thread_crashed', 'thread_crashed'],
      );
      const died = performance.now();
      assert.deepEqual(code(await kit.ask({})), ['pass']);
      assert.ok(performance.now() - died < 5_000, 'probing goes on within moments');
      const exit = kit.events.slice(events).find((event) => event.kind === 'exited');
      assert.match(exit?.kind === 'exited' ? exit.reason : '', reason);
    });
  }

  test('a thread that spins is found by the watchdog, killed and replaced', async () => {
    const fresh = makeFamily();
    await fresh.family.start();
    const results = await fresh.ask(
      { name: 'innocent', ms: 300, timeoutMs: 500 },
      { does: 'spin', timeoutMs: 500 },
    );
    assert.deepEqual(code(results), ['thread_hung', 'thread_hung']);
    assert.deepEqual(code(await fresh.ask({})), ['pass']);
    assert.equal(fresh.family.node().children[0]?.lastExit?.reason, 'hung');
    await fresh.family.stop();
  });
});

describe('results that a thread had sent before it crashed are kept', () => {
  test('although this thread had no time to read them', async () => {
    const kit = makeFamily();
    await kit.family.start();
    for (let round = 0; round < 4; round += 1) {
      const dues = kit.submit(
        { ms: 20 },
        { ms: 20 },
        { ms: 60, does: round % 2 === 0 ? 'uncaught' : 'exit' },
      );
      // Busy while the thread answers and dies, so that answer and death are both waiting to be read.
      const end = performance.now() + 250;
      while (performance.now() < end);
      const outcomes = await kit.answers(dues);
      assert.deepEqual(
        outcomes.map((outcome) => outcome.results[0]?.code ?? outcome.results[0]?.verdict),
        ['pass', 'pass', 'thread_crashed'],
      );
      await kit.ask({});
    }
    await kit.family.stop();
  });
});

describe('a stall of this process', () => {
  test('is not taken for a hung thread', async () => {
    const kit = makeFamily();
    await kit.family.start();
    const dues = kit.submit({ ms: 300, timeoutMs: 400 });
    const end = performance.now() + 3_000;
    while (performance.now() < end);
    const [outcome] = await kit.answers(dues);
    assert.equal(outcome?.results[0]?.verdict, 'pass');
    await kit.ask({ ms: 300 });
    assert.deepEqual(
      kit.events.map((event) => event.kind),
      ['started'],
    );
    await kit.family.stop();
  });
});

describe('a family on several threads', () => {
  test('shares the work, and the death of one thread costs nothing of the other', async () => {
    const kit = makeFamily({ spec: { threads: 2 } });
    await kit.family.start();
    const dues = kit.submit(...Array.from({ length: 10 }, () => ({ ms: 400 })));
    assert.deepEqual(
      kit.family.node().children.map((child) => child.backlog),
      [5, 5],
    );
    const crash = kit.submit({ does: 'exit' });
    const outcomes = await kit.answers([...dues, ...crash]);
    const passed = outcomes.filter((outcome) => outcome.results[0]?.verdict === 'pass');
    assert.equal(passed.length, 5, 'the checks of the thread that lived');
    assert.equal((await kit.ask({}, {})).length, 2);
    assert.equal(kit.family.failed, false);
    await kit.family.stop();
  });

  test('no thread gets more at once than the family allows; the rest waits and is made', async () => {
    const kit = makeFamily({ spec: { threads: 2, concurrency: 3 } });
    await kit.family.start();
    const dues = kit.submit(...Array.from({ length: 40 }, () => ({ ms: 10 })));
    assert.ok(kit.family.node().children.every((child) => child.backlog <= 3));
    for (const outcome of await kit.answers(dues)) assert.equal(outcome.results[0]?.verdict, 'pass');
    assert.equal(kit.family.backlog, 0);
    await kit.family.stop();
  });
});

describe('targets that do not answer', () => {
  test('leave half of the places to the others, once it is known which they are', async () => {
    const kit = makeFamily({ spec: { concurrency: 4 } });
    await kit.family.start();
    const silent = ['s1', 's2', 's3', 's4'].map((name) => ({ name, does: 'never', timeoutMs: 1_000 }));
    await kit.answers(kit.submit(...silent));
    kit.outcomes.length = 0;
    await kit.answers([...kit.submit(...silent), ...kit.submit({}, {}, {}, {}, {}, {})]);
    const order = kit.outcomes.map(({ due }) => due.target.name.startsWith('s'));
    assert.deepEqual(order, [...Array<boolean>(6).fill(false), ...Array<boolean>(4).fill(true)]);
    // One that answers again is like any other.
    const cured = silent.map(({ name }) => ({ name }));
    await kit.answers(kit.submit(...cured));
    kit.submit(...cured.map((target) => ({ ...target, ms: 500 })));
    assert.equal(kit.family.node().children[0]?.backlog, 4);
    await kit.family.stop();
  });
});

describe('stopping', () => {
  test('answers what is in flight and what waits: it was interrupted, so nothing was judged', async () => {
    const kit = makeFamily({ spec: { concurrency: 1 } });
    await kit.family.start();
    const dues = kit.submit({ does: 'never' }, {}, {});
    await kit.family.stop();
    const outcomes = await kit.answers(dues);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.results.map(({ verdict, code }) => [verdict, code])),
      Array.from({ length: 3 }, () => [['unknown', 'interrupted']]),
    );
    assert.equal(kit.family.node().status, 'stopped');
    const [late] = await kit.answers(kit.submit({}));
    assert.equal(late?.results[0]?.code, 'interrupted');
  });
});
