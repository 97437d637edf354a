import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MatrixError } from '../../src/contract/errors.js';
import { checkBinaries, copyBinaries, findBinaries } from '../../src/store/embedded/binaries.js';
import { embeddedPaths } from '../../src/store/embedded/index.js';
import { findHolder, parseLockFile } from '../../src/store/embedded/lock-file.js';
import { firstClosed } from '../../src/store/embedded/place.js';
import { accountIds, DIST, isRoot, query, scratch, start, starter } from './embedded-kit.js';

/** Checks the code, and that the message tells what it must. */
function refused(code: MatrixError['code'], ...patterns: RegExp[]): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof MatrixError, String(error));
    assert.equal(error.code, code, error.message);
    for (const pattern of patterns) assert.match(error.message, pattern);
    return true;
  };
}

// An operator would see a stack trace instead of what to do, or Matrix would begin empty beside the old data.
test('a cluster of another version, a lost password, a damaged and a foreign directory are refused', async (t) => {
  const { dataDir } = scratch(t);
  const first = await start(dataDir);
  await query(first.url, 'create table kept (n int)', 'insert into kept values (1)');
  await first.stop();
  const { data, home, password, log } = embeddedPaths(dataDir);

  const file = join(data, 'PG_VERSION');
  writeFileSync(file, '15\n');
  await assert.rejects(
    start(dataDir),
    refused('MX_EMBEDDED_FAILED', /made by PostgreSQL 15,.*brings PostgreSQL 18/),
  );
  writeFileSync(file, '18\n');

  const secret = readFileSync(password, 'utf8');
  writeFileSync(password, 'another\n');
  await assert.rejects(
    start(dataDir),
    refused('MX_EMBEDDED_FAILED', /refuses the password in .*Put the right one back/),
  );
  assert.equal(findHolder(data).state, 'none', 'a failed start must not leave its server behind');
  rmSync(password);
  await assert.rejects(start(dataDir), refused('MX_EMBEDDED_FAILED', /put .*password back/));
  writeFileSync(password, secret, { mode: 0o600 });

  const control = join(data, 'global', 'pg_control');
  const good = readFileSync(control);
  writeFileSync(
    control,
    good.map((byte, index) => (index > 100 && index < 200 ? byte ^ 0xff : byte)),
  );
  await assert.rejects(
    start(dataDir),
    refused(
      'MX_EMBEDDED_FAILED',
      /PostgreSQL did not start: the data directory is damaged/,
      /incorrect checksum/,
    ),
  );
  await assert.rejects(start(dataDir), (error: Error) => error.message.includes(log));
  writeFileSync(control, good);

  const again = await start(dataDir);
  assert.deepEqual(await query(again.url, 'select n from kept'), [{ n: 1 }]);
  await again.stop();

  rmSync(file);
  await assert.rejects(
    start(dataDir),
    refused('MX_EMBEDDED_FAILED', /is not empty and holds no complete database/),
  );
  writeFileSync(join(dataDir, 'postgres.location'), `${home}-gone\n`);
  await assert.rejects(
    start(dataDir),
    refused('MX_EMBEDDED_FAILED', /postgres\.location says .*which is not there/),
  );
});

// After `npm ci --ignore-scripts` PostgreSQL ends with a loader's message that says nothing to a user.
test('binaries without the links of their install script are refused, naming the remedy', async (t) => {
  const { dir } = scratch(t);
  const copy = await copyBinaries(await findBinaries(), dir);
  await checkBinaries(copy.native);
  const version = spawnSync(join(copy.native, 'bin', 'postgres'), ['--version'], { encoding: 'utf8' });
  assert.match(version.stdout, /PostgreSQL\) 18/);

  rmSync(join(copy.native, 'lib', 'libicuuc.so.60'));
  assert.notEqual(spawnSync(join(copy.native, 'bin', 'postgres'), ['--version']).status, 0);
  await assert.rejects(
    checkBinaries(copy.native),
    refused('MX_EMBEDDED_UNAVAILABLE', /libicuuc\.so\.60 is missing/, /--ignore-scripts/, /npm rebuild/),
  );
});

// "EACCES" or "ENOSPC" from the depths would not tell which directory, nor that the disk is the cause.
test('a data directory that cannot be made is named', async (t) => {
  const { dir } = scratch(t);
  writeFileSync(join(dir, 'file'), '');
  await assert.rejects(
    start(join(dir, 'file', 'data')),
    refused(
      'MX_EMBEDDED_FAILED',
      /make the data directory .*file\/data: a part of the path is not a directory/,
    ),
  );
});

test('an unwritable data directory is named', async (t) => {
  const { dataDir } = scratch(t);
  mkdirSync(dataDir, { mode: 0o555 });
  const sentence = /Cannot make the database in .*: the directory is not writable for this user/;
  if (!isRoot) return assert.rejects(start(dataDir), refused('MX_EMBEDDED_FAILED', sentence));
  const nobody = accountIds('nobody');
  if (nobody === undefined || (await firstClosed(DIST, { ...nobody, name: 'nobody' })) !== undefined) {
    return t.skip('there is no user nobody, or this checkout is closed to it');
  }
  return assert.rejects(starter(t, dataDir, { as: nobody }).ready, sentence);
});

// A container that runs as a bare number would get a message about an "effective user ID" and no hint.
test('a user without an entry in the user database is told so', {
  skip: isRoot ? false : 'needs root',
}, async (t) => {
  const { dataDir } = scratch(t);
  mkdirSync(dataDir);
  const bare = { uid: 54_321, gid: 54_321 };
  if ((await firstClosed(DIST, { ...bare, name: 'bare' })) !== undefined) {
    return t.skip('this checkout is below a directory that is closed to other users');
  }
  chownSync(dataDir, bare.uid, bare.gid);
  await assert.rejects(starter(t, dataDir, { as: bare }).ready, /has no entry in \/etc\/passwd; add one/);
  assert.deepEqual(readdirSync(dataDir), []);
});

test('a full disk is called so, and the next start after making room works', async (t) => {
  const { dataDir } = scratch(t);
  mkdirSync(dataDir);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=20m,mode=0755', 'tmpfs', dataDir], { stdio: 'ignore' });
  } catch {
    return t.skip('this user may not mount a small file system');
  }
  try {
    await assert.rejects(start(dataDir), refused('MX_EMBEDDED_FAILED', /the disk is full/));
    execFileSync('mount', ['-o', 'remount,size=200m', dataDir]);
    const database = await start(dataDir);
    await query(database.url, 'select 1');
    await database.stop();
  } finally {
    spawnSync('umount', ['-l', dataDir]);
  }
});

// A wrong reading of the lock would end in a second server, or in none.
test('the lock file is read as PostgreSQL writes it, also while it is being written', () => {
  const text = '12083\n/data\n1795246064\n5432\n/run\n\n  2146385        48\nready   \n';
  assert.deepEqual(parseLockFile(text), {
    pid: 12083,
    socketDir: '/run',
    segmentId: 48,
    status: 'ready',
    text,
  });
  assert.equal(parseLockFile(text.replace('ready', 'stopping'))?.status, 'stopping');
  assert.equal(parseLockFile('12083\n/data\n179')?.status, 'starting');
  assert.equal(parseLockFile('-77\n')?.pid, 77);
  assert.equal(parseLockFile(''), undefined);
  assert.equal(parseLockFile('what?\n'), undefined);
});
