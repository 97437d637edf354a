/** Without these a change of the file would stop targets that did not change, or half apply what needs a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { draftSettings, type LoadedSettings } from '../../src/config/load.js';
import { applyReload, diffTargets } from '../../src/config/reload.js';
import { dirWith, optionsFor } from './fixture.js';

test('targets are told apart by family and name, and by anything in them', async (t) => {
  const load = async (text: string) =>
    (await draftSettings(optionsFor(await dirWith(t, 'matrix.yaml', `matrix: { discover: false }\n${text}`))))
      .targets;
  const old = await load(
    'disk: [{ name: same }, { name: moved }, { name: gone }, { name: edited, warn_percent: 80 }]',
  );
  const next = await load(
    'disk: [{ name: edited, warn_percent: 81 }, { name: same }]\nhttp: [{ name: moved, url: "http://127.0.0.1/" }]',
  );
  const { added, removed, changed } = diffTargets(old, next);
  const named = (targets: typeof old) => targets.map(({ family, name }) => `${family}/${name}`).sort();
  assert.deepEqual(named(added), ['http/moved']);
  assert.deepEqual(named(removed), ['disk/gone', 'disk/moved']);
  assert.deepEqual(named(changed), ['disk/edited']);
  assert.equal(changed[0]?.config['warn_percent'], 81);
});

test('what needs a restart keeps its old value and is named', async (t) => {
  const load = async (text: string): Promise<LoadedSettings> => ({
    ...(await draftSettings(optionsFor(await dirWith(t, 'matrix.yaml', text), { MATRIX_DATA_DIR: '/same' }))),
    jwtSecret: 'same',
  });
  const running = await load(
    'matrix: { check_interval_s: 10 }\nfront: { port: 1000 }\ndisk: [{ name: a }]\n',
  );
  const next = await load(
    'matrix: { check_interval_s: 20, keep_days: 5, discover: false }\nfront: { port: 2000 }\nlog: { level: debug }\ndisk: [{ name: a }, { name: b, interval_s: 3 }]\n',
  );
  const { settings, restart } = applyReload(running, next);
  assert.deepEqual(restart, ['matrix.check_interval_s', 'front.port', 'log.level']);
  assert.equal(settings.front.port, 1000);
  assert.equal(settings.checkIntervalMs, 10_000);
  assert.deepEqual(
    settings.targets.map(({ name, intervalMs }) => [name, intervalMs]),
    [
      ['a', 10_000],
      ['b', 3_000],
    ],
  );
  assert.equal(settings.keepDays, 5);
  assert.equal(settings.log.level, 'info');
  assert.deepEqual(diffTargets(running.targets, settings.targets).changed, []);
});
