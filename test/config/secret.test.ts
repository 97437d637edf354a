/** Without these anyone who knows the README could forge tokens, or a restart would make every token worthless. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { maskText, maskUrl } from '../../src/config/mask.js';
import { keptSecret, weakness } from '../../src/config/secret.js';
import { tempDir } from './fixture.js';

test('placeholders, short, repeating and counting secrets are refused', () => {
  const weak = [
    '',
    'secret',
    'change-me',
    'changeme-changeme-changeme-changeme',
    'your-secret-here-please-make-it-longer',
    'this-is-an-example-of-a-key-1234567890',
    'PasswordPasswordPassword1234567890abc',
    '<put a long random value into this place>',
    'a'.repeat(64),
    'abcdefgh'.repeat(8),
    '0123456789abcdef0123456789abcdef',
    'abcdefghijklmnopqrstuvwxyz0123456789',
    'q8Zr2Lx9Vm',
  ];
  for (const secret of weak) {
    const why = weakness(secret);
    assert.ok(why !== undefined, secret);
    assert.ok(
      secret === '' || secret.length < 12 || !why.includes(secret),
      'the reason does not show the secret',
    );
  }
});

test('random secrets of the usual forms pass', () => {
  for (let round = 0; round < 200; round++) {
    for (const form of ['hex', 'base64', 'base64url'] as const) {
      assert.equal(weakness(randomBytes(32).toString(form)), undefined);
    }
  }
});

test('the kept secret is made once, whoever comes first, and stays', async (t) => {
  const dir = await tempDir(t);
  const starts = await Promise.all(Array.from({ length: 20 }, () => keptSecret(dir)));
  const secrets = new Set(starts.map(({ secret }) => secret));
  assert.equal(secrets.size, 1);
  assert.equal((await keptSecret(dir)).secret, starts[0]?.secret);
  assert.deepEqual(await readdir(dir), ['jwt-secret'], 'no half-written file is left');
  assert.equal(weakness(starts[0]?.secret ?? ''), undefined);
});

test('a damaged secret is refused by its file, loose permissions are told', async (t) => {
  const dir = await tempDir(t);
  const { secret } = await keptSecret(dir);
  await chmod(join(dir, 'jwt-secret'), 0o644);
  const loose = await keptSecret(dir);
  assert.equal(loose.secret, secret);
  assert.match(loose.warnings.join(), /jwt-secret can be read by other users/);
  await writeFile(join(dir, 'jwt-secret'), '');
  await assert.rejects(keptSecret(dir), { code: 'MX_SECRET_WEAK', message: /jwt-secret is damaged/ });
});

test('a shown database URL never holds its password, however it was mistyped', () => {
  assert.equal(maskUrl('postgres://u:hunter2@h:5432/db'), 'postgres://u:***@h:5432/db');
  assert.equal(maskUrl('postgres://h/db?user=u&password=hunter2'), 'postgres://h/db?user=u&password=***');
  const mistyped = [
    'hunter2',
    'u:hunter2@h/db',
    'postgres://u:12#hunter2@h/db',
    'postgres://u:12/hunter2@h/db',
    'postgres://u:hunter2@',
  ];
  for (const url of [...mistyped, 'postgres://u:hun?hunter2@h/db', 'postgres://u:hunter2@h:port/db']) {
    assert.doesNotMatch(maskUrl(url), /hunter2/, url);
  }
});

test('passwords in URLs and tokens are hidden in any text, and long hostile text is no burden', () => {
  assert.equal(maskText('GET http://u:pw@h/x failed'), 'GET http://u:***@h/x failed');
  assert.equal(maskText('token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.abc-_1'), 'token ***');
  const startedAt = performance.now();
  maskText('://a:'.repeat(100_000) + 'eyJaaaaaaaa-'.repeat(50_000));
  assert.ok(performance.now() - startedAt < 20_000, 'no quadratic search');
});
