import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { until } from '../support/wait.js';
import { type Kit, makeFamily } from './family-kit.js';

describe('a family whose driver cannot be loaded', () => {
  let directory: string;
  const kits: Kit[] = [];
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'mx-family-'));
  });
  afterEach(async () => {
    for (const kit of kits.splice(0)) await kit.family.stop();
  });
  after(() => rmSync(directory, { recursive: true, force: true }));
  const crashing = (times: number): Kit => {
    const kit = makeFamily({ load: { crash: { file: join(directory, `crashes-${times}`), times } } });
    kits.push(kit);
    return kit;
  };

  test('is started again; checks wait for it and are made', async () => {
    const kit = crashing(2);
    const dues = kit.submit({}, {});
    await kit.family.start();
    for (const outcome of await kit.answers(dues)) assert.equal(outcome.results[0]?.verdict, 'pass');
    assert.equal(kit.family.node().restarts.total, 2);
  });

  test('is failed once its budget is spent, says so at once, holds up no other family, and comes back', async () => {
    const kit = crashing(6);
    const other = makeFamily();
    kits.push(other);
    await other.family.start();
    await kit.family.start();
    let answered = 0;
    await until('the budget is spent', async () => {
      await other.ask({});
      answered += 1;
      return kit.events.some((event) => event.kind === 'exhausted');
    });
    assert.ok(answered > 10, 'the other family kept its pace');
    assert.equal(other.family.node().restarts.total, 0);
    assert.equal(kit.family.failed, true);
    assert.equal(kit.family.node().status, 'failed');
    const [result] = await kit.ask({});
    assert.equal(result?.code, 'family_failed');
    await until('it is tried again and works', () => kit.family.node().status === 'running');
    assert.equal((await kit.ask({}))[0]?.verdict, 'pass');
  });

  test('can be started by an operator without waiting for its pause', async () => {
    const kit = crashing(6.5);
    await kit.family.start();
    await until('the budget is spent', () => kit.family.failed);
    await kit.family.restart('family:fixture');
    await until(
      'it crashes once more',
      () => kit.events.filter((event) => event.kind === 'exhausted').length > 1,
    );
    await kit.family.restart('family:fixture');
    assert.equal((await kit.ask({}))[0]?.verdict, 'pass');
  });

  test('and never finishes loading: its checks are answered all the same', async () => {
    const kit = makeFamily({ load: { hang: true }, readyMs: 1_000, stallMs: 700 });
    kits.push(kit);
    void kit.family.start();
    const [result] = await kit.ask({});
    assert.equal(result?.verdict, 'unknown');
    assert.equal(result?.code, 'thread_hung');
  });
});
