/** A family that has spent its budget says so once, is tried again, and can be restarted by hand. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../support/wait.js';
import { checked, collect, fileOf } from './collector-kit.js';
import { makeFamily } from './family-kit.js';

test('a family that fails again and again is one incident, its services are unknown, and it ends when one is judged', async () => {
  const crash = { file: fileOf('crashes'), times: 9 };
  const { collector, events, results, stop } = await collect([checked('fixture', 1), checked('fixture', 2)], {
    crash,
  });
  const failures = () => events.filter(({ kind }) => kind === 'exhausted').length;
  const verdicts = (service: string) =>
    results.filter((result) => result.service === service).map(({ verdict }) => verdict);
  try {
    await until('its budget is spent', () => failures() === 1);
    for (let tries = 2; tries <= 4; tries += 1) {
      assert.equal(await collector.restart('family:fixture'), 'started');
      await until('it has failed again', () => failures() === tries);
    }
    await until('nothing is judged', () => results.some(({ code }) => code === 'family_failed'));
    assert.ok(verdicts('fixture-1').every((verdict) => verdict === 'unknown'));
    await collector.restart('family:fixture');
    await until(
      'both are judged',
      () => verdicts('fixture-1').at(-1) === 'pass' && verdicts('fixture-2').at(-1) === 'pass',
    );
    assert.deepEqual(verdicts('matrix-family-fixture'), ['fail', 'pass']);
    assert.equal(await collector.restart('family:nobody'), null);
  } finally {
    await stop();
  }
});

test('whoever leads again says anew how its families are: the one before may have said otherwise', async () => {
  const crash = { file: fileOf('leads-again'), times: 6 };
  const { collector, results, stop } = await collect([checked('fixture', 1)], { crash });
  const said = () => results.filter(({ service }) => service === 'matrix-family-fixture');
  try {
    await until('it is told that the family has failed', () => said().at(-1)?.verdict === 'fail');
    collector.follow();
    collector.lead();
    await until('it is told again', () => said().filter(({ verdict }) => verdict === 'fail').length === 2);
    await collector.restart('family:fixture');
    await until('it works', () => said().at(-1)?.verdict === 'pass');
    collector.follow();
    collector.lead();
    await until('that too', () => said().filter(({ verdict }) => verdict === 'pass').length === 2);
  } finally {
    await stop();
  }
});

test('checks that wait for a family are answered the moment it fails, not when their patience ends', async () => {
  const kit = makeFamily({ load: { crash: { file: fileOf('waiting'), times: 6 } }, stallMs: 600_000 });
  const dues = kit.submit({}, {});
  void kit.family.start();
  const codes = (await kit.answers(dues)).map(({ results }) => results[0]?.code);
  assert.deepEqual(codes, ['family_failed', 'family_failed']);
});

describe('an operator restarts the threads of a family', () => {
  test('all of them or one, by the ids of the tree; what they held is asked again and nothing is unknown', async () => {
    const kit = makeFamily({ spec: { threads: 2 } });
    await kit.family.start();
    const dues = kit.submit(...Array.from({ length: 6 }, () => ({ ms: 300 })));
    assert.equal(await kit.family.restart('probe:fixture:1'), 'restarted');
    assert.equal(await kit.family.restart('family:fixture'), 'restarted');
    for (const { results } of await kit.answers(dues)) assert.equal(results[0]?.verdict, 'pass');
    const { restarts, children } = kit.family.node();
    assert.deepEqual([restarts.total, restarts.inWindow], [3, 0]);
    assert.deepEqual(
      children.map(({ lastExit }) => lastExit?.reason),
      ['requested by an operator', 'requested by an operator'],
    );
    assert.equal(await kit.family.restart('probe:fixture'), null);
    assert.equal(await kit.family.restart('probe:fixture:2'), null);
  });

  test('as often as they like: its budget is for what goes wrong', async () => {
    const kit = makeFamily();
    await kit.family.start();
    for (let wishes = 0; wishes < 8; wishes += 1)
      assert.equal(await kit.family.restart('probe:fixture'), 'restarted');
    assert.equal((await kit.ask({}))[0]?.verdict, 'pass');
    assert.ok(!kit.events.some(({ kind }) => kind === 'exhausted'));
  });
});
