/** What all children of a supervisor may do together before it gives up. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Supervisor } from '../../src/supervisor/supervisor.js';
import { clock, onOwnClock, pass, scene } from './managed-kit.js';

onOwnClock();

describe('a supervisor', () => {
  const supervise = (intensity: number): { root: Supervisor; gaveUp: string[] } => {
    const gaveUp: string[] = [];
    const onExhausted = (reason: string): void => void gaveUp.push(reason);
    return { root: new Supervisor({ id: 'root', intensity, periodMs: 10_000, clock, onExhausted }), gaveUp };
  };

  test('gives up once when its children together restart too often', async () => {
    const { root, gaveUp } = supervise(4);
    const scenes = ['a', 'b', 'c'].map((id) =>
      scene({ id, intensity: 50 }, { onEvent: (event) => root.observe(event) }),
    );
    for (const { managed } of scenes) await root.add(managed).start();
    for (let round = 0; round < 3; round += 1) {
      for (const { newest } of scenes) newest().die('boom');
      await pass(1_000);
    }
    assert.equal(gaveUp.length, 1);
    assert.equal(root.node().status, 'failed');
    assert.equal(root.node().restarts.total, 9);
    assert.equal(root.child('b'), scenes[1]?.managed);
  });

  test('forgives deaths that are far apart', async () => {
    const { root, gaveUp } = supervise(1);
    const { managed, newest } = scene({ intensity: 50 }, { onEvent: (event) => root.observe(event) });
    await root.add(managed).start();
    for (let death = 0; death < 10; death += 1) {
      newest().die('boom');
      await pass(11_000);
    }
    assert.deepEqual(gaveUp, []);
  });

  test('gives up when a child has spent its own budget and cannot go on', async () => {
    const { root, gaveUp } = supervise(100);
    const { managed, starts } = scene(
      { intensity: 0 },
      { whenExhausted: 'escalate', onEvent: (event) => root.observe(event) },
    );
    starts.push(new Error('no database'));
    await root.add(managed).start();
    assert.equal(gaveUp.length, 1);
    assert.match(gaveUp[0] ?? '', /child spent its budget: start failed: no database/);
  });

  test('ends its children in the reverse order', async () => {
    const { root } = supervise(5);
    const order: string[] = [];
    for (const id of ['first', 'second']) {
      const onDown = (): void => void order.push(id);
      await root.add(scene({ id }, { onDown }).managed).start();
    }
    await root.stop();
    assert.deepEqual(order, ['second', 'first']);
  });
});
