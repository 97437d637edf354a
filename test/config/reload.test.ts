/** Without these a change of the file would half apply what needs a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { draftSettings, type LoadedSettings } from '../../src/config/load.js';
import { applyReload } from '../../src/config/reload.js';
import { dirWith, optionsFor } from './fixture.js';

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
});
