/** A dead uplink is one alert, and a dead service is an alert also while the uplink is well. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import type { Result } from '../../src/contract/result.js';
import { DOWN, Scene, UP } from './gate-kit.js';

let scene: Scene;
beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
  scene = new Scene();
});
afterEach(() => mock.timers.reset());

describe('the uplink dies between two looks at it', () => {
  test('the first check that fails is held, the uplink is looked at, and nobody is blamed wrongly', () => {
    scene.uplink(UP);
    scene.pass(10_000);
    scene.take('far-a', 'fail');
    assert.deepEqual(scene.of('far-a'), [], 'nothing is said before the uplink was looked at');
    assert.equal(scene.asked, 1);
    scene.pass(800);
    scene.uplink(DOWN);
    assert.deepEqual(scene.of('far-a'), ['excused']);
    assert.match(scene.out.at(-1)?.detail ?? '', /the line is dead/);
    assert.deepEqual(scene.of('wan'), ['pass', 'fail'], 'the one alert names the cause');
  });

  test('a look at the uplink while a check still waited does not speak for the moment when it gave up', () => {
    const [slow, began] = [scene.check('far-a', 'fail'), scene.now];
    scene.pass(100);
    scene.uplink(UP);
    scene.pass(4_900);
    scene.gate.take([slow], began);
    assert.deepEqual(scene.of('far-a'), []);
    assert.equal(scene.asked, 1);
    scene.pass(300);
    scene.uplink(DOWN);
    assert.deepEqual(scene.of('far-a'), ['excused']);
  });

  test('what a target says while its failure is held comes out behind it, in order', () => {
    scene.uplink(UP);
    scene.pass(10_000);
    scene.take('far-a', 'fail');
    scene.pass(1_000);
    scene.take('far-a', 'pass');
    scene.take('far-b', 'pass');
    assert.deepEqual([scene.of('far-a'), scene.of('far-b')], [[], ['pass']]);
    scene.pass(1_000);
    scene.take('far-a', 'fail');
    assert.equal(scene.gate.backlog, 3);
    scene.pass(9_000);
    assert.deepEqual(scene.of('far-a'), ['fail', 'pass'], 'nothing was heard of the uplink in time');
    scene.uplink(UP);
    assert.deepEqual(scene.of('far-a'), ['fail', 'pass', 'fail']);
    assert.equal(scene.gate.backlog, 0);
  });

  test('a target known to be down is not asked about again, unless it now fails in another way', () => {
    scene.uplink(UP);
    const fails = (code: string): void =>
      scene.gate.take([scene.check('far-a', 'fail', { code })], scene.now);
    scene.pass(1_000);
    fails('http_status');
    scene.pass(100);
    scene.uplink(UP);
    scene.pass(1_000);
    fails('http_status');
    assert.deepEqual(scene.of('far-a'), ['fail', 'fail']);
    scene.pass(1_000);
    fails('connect_unreachable');
    assert.equal(scene.asked, 1);
    scene.pass(100);
    scene.uplink(DOWN);
    assert.deepEqual(scene.of('far-a'), ['fail', 'fail', 'excused']);
  });

  test('when Matrix stops, all that is held comes out, in order', () => {
    scene.uplink(UP);
    scene.pass(10_000);
    for (const verdict of ['fail', 'pass', 'fail'] as const) scene.take('far-a', verdict);
    scene.gate.close();
    assert.deepEqual(scene.of('far-a'), ['fail', 'pass', 'fail']);
    assert.equal(scene.gate.backlog, 0);
  });

  test('local checks, and checks that pass, are believed at once', () => {
    scene.uplink(DOWN);
    scene.pass(100);
    scene.take('near', 'fail');
    scene.take('far-a', 'pass');
    assert.deepEqual([scene.of('near'), scene.of('far-a')], [['fail'], ['pass']]);
    assert.equal(scene.gate.backlog, 0);
  });

  test('a check that began while it was down and ended after is not judged', () => {
    scene.uplink(UP);
    scene.pass(5_000);
    const [slow, slowBegan] = [scene.check('far-a', 'fail'), scene.now];
    scene.pass(100);
    scene.uplink(DOWN);
    const [later, laterBegan] = [scene.check('far-b', 'fail'), scene.now];
    scene.pass(3_000);
    scene.uplink(UP);
    scene.gate.take([slow], slowBegan);
    scene.gate.take([later], laterBegan);
    assert.deepEqual([scene.of('far-a'), scene.of('far-b')], [['excused'], ['excused']]);
  });

  test('when it is back, failures are failures again', () => {
    scene.uplink(DOWN);
    scene.pass(1_000);
    scene.take('far-a', 'fail');
    scene.pass(1_000);
    scene.uplink(UP);
    scene.pass(1_000);
    scene.take('far-a', 'fail');
    scene.pass(500);
    scene.uplink(UP);
    assert.deepEqual(scene.of('far-a').at(-1), 'fail');
  });
});

describe('a service that is down by itself', () => {
  test('is released as it is once the uplink was seen to work after its check began', () => {
    scene.uplink(UP);
    scene.pass(5_000);
    scene.take('far-a', 'fail');
    scene.pass(100);
    scene.uplink(UP);
    assert.deepEqual(scene.of('far-a'), ['fail']);
  });

  test('an uplink check that had begun before proves nothing; another one is asked for', () => {
    scene.uplink(UP);
    const [old, oldBegan] = [scene.check('wan', 'pass', { attribution: UP }), scene.now];
    scene.pass(100);
    scene.take('far-a', 'fail');
    scene.asked = 0;
    scene.gate.take([old], oldBegan);
    assert.deepEqual(scene.of('far-a'), []);
    assert.equal(scene.asked, 1);
    scene.pass(100);
    scene.uplink(UP);
    assert.deepEqual(scene.of('far-a'), ['fail']);
  });

  test('and stays down does not have the uplink looked at each time', () => {
    scene.uplink(UP);
    scene.pass(5_000);
    scene.take('far-a', 'fail');
    scene.pass(100);
    scene.uplink(UP);
    for (let round = 0; round < 5; round += 1) {
      scene.pass(5_000);
      scene.take('far-a', 'fail');
    }
    assert.equal(scene.asked, 0);
    assert.equal(scene.of('far-a').length, 6);
    scene.take('far-a', 'pass');
    scene.pass(100);
    scene.take('far-a', 'fail');
    assert.equal(scene.asked, 1, 'after it worked, a new failure is suspicious again');
  });

  test('is not hidden by an outage of long ago', () => {
    scene.uplink(DOWN);
    scene.pass(5_000);
    scene.uplink(UP);
    scene.pass(5_000);
    scene.uplink(UP);
    scene.take('far-a', 'fail');
    scene.pass(10);
    scene.uplink(UP);
    assert.deepEqual(scene.of('far-a'), ['fail']);
  });
});

describe('nothing waits for ever', () => {
  test('a failure is held no longer than its time, then released as it is', () => {
    scene.uplink(UP);
    scene.pass(1_000);
    scene.take('far-a', 'fail');
    scene.pass(8_900);
    assert.equal(scene.gate.backlog, 1);
    scene.pass(200);
    assert.deepEqual(scene.of('far-a'), ['fail']);
    assert.equal(scene.gate.backlog, 0);
  });

  test('no more calls are held than 10,000; the oldest goes first', () => {
    scene.uplink(UP);
    scene.pass(1_000);
    for (let n = 0; n < 10_001; n += 1) scene.take(`far-${n}`, 'fail');
    assert.equal(scene.gate.backlog, 10_000);
    assert.deepEqual(scene.of('far-0'), ['fail']);
    assert.deepEqual(scene.of('far-1'), []);
  });

  test('without an uplink configured nothing is held', () => {
    scene.configured = false;
    scene.trustMs = 0;
    scene.take('far-a', 'fail');
    assert.deepEqual(scene.of('far-a'), ['fail']);
  });

  test('stopping lets everything go', () => {
    scene.uplink(UP);
    scene.pass(1_000);
    scene.take('far-a', 'fail');
    scene.gate.close();
    assert.deepEqual(scene.of('far-a'), ['fail']);
  });
});

describe('an uplink that nobody looks at any more excuses nothing', () => {
  test('because its check was taken out of the configuration while it was down', () => {
    scene.uplink(DOWN);
    scene.pass(1_000);
    scene.configured = false;
    scene.trustMs = 0;
    scene.take('far-a', 'fail');
    assert.deepEqual(scene.of('far-a'), ['fail']);
    assert.equal(scene.gate.uplink, null);
  });

  test('because its checks do not come back', () => {
    scene.uplink(DOWN);
    scene.pass(61_000);
    scene.take('far-a', 'fail');
    scene.pass(9_100);
    assert.deepEqual(scene.of('far-a'), ['fail']);
  });
});

for (const stepMs of [-3_600_000, 3_600_000]) {
  describe(`a wall clock that steps by ${stepMs / 3_600_000} h`, () => {
    test('does not excuse a failure that began when the uplink worked again', () => {
      scene.uplink(DOWN);
      scene.pass(1_000);
      scene.uplink(UP);
      scene.stepMs = stepMs;
      scene.pass(1_000);
      scene.take('far-a', 'fail');
      scene.pass(100);
      scene.uplink(UP);
      assert.deepEqual(scene.of('far-a'), ['fail']);
    });

    test('does not blame a target for a check that began while the uplink was down', () => {
      scene.uplink(DOWN);
      const [slow, began] = [scene.check('far-a', 'fail'), scene.now];
      scene.stepMs = stepMs;
      scene.pass(1_000);
      scene.uplink(UP);
      scene.gate.take([slow], began);
      assert.deepEqual(scene.of('far-a'), ['excused']);
    });

    test('lets a failure that is held wait for word of the uplink as before', () => {
      scene.uplink(UP);
      scene.pass(1_000);
      scene.take('far-a', 'fail');
      scene.stepMs = stepMs;
      scene.pass(100);
      assert.deepEqual(scene.of('far-a'), []);
      scene.uplink(UP);
      assert.deepEqual(scene.of('far-a'), ['fail']);
    });
  });
}

test('what is remembered of targets that are not watched any more is forgotten', () => {
  scene.uplink(UP);
  scene.take('far-a', 'fail');
  scene.take('far-b', 'fail');
  scene.gate.keep(new Set(['far-b']));
  scene.pass(1_000);
  scene.asked = 0;
  scene.take('far-b', 'fail');
  assert.equal(scene.asked, 0, 'known to be down by itself');
  scene.take('far-a', 'fail');
  assert.equal(scene.asked, 1, 'a new target of that name is suspicious');
});

test('what one call says stays together, and only failures in it are excused', () => {
  scene.uplink(UP);
  scene.pass(1_000);
  const of = (service: string, verdict: Result['verdict']) =>
    scene.check('far-engine', verdict, { service, target: 'far-engine' });
  scene.gate.take(
    [of('far-engine', 'pass'), of('far-engine/a', 'fail'), of('far-engine/b', 'warn')],
    scene.now,
  );
  scene.pass(100);
  scene.uplink(DOWN);
  const call = scene.calls.find((results) => results.length === 3);
  assert.deepEqual(
    call?.map((result) => result.code ?? result.verdict),
    ['pass', 'uplink_down', 'warn'],
  );
});
