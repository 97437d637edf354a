import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { embeddedPaths } from '../../src/store/embedded/index.js';
import { findHolder, lockFilePath } from '../../src/store/embedded/lock-file.js';
import { waitUntil } from '../../src/store/embedded/wait.js';
import { memoryLog, query, scratch, start, starter } from './embedded-kit.js';

// After `kill -9` of Matrix, the next start would fail on the lock or lose what was stored.
test('the server of a killed Matrix is taken over with its rows', async (t) => {
  const { dataDir } = scratch(t);
  const matrix = starter(t, dataDir);
  const { pid, url } = await matrix.ready;
  await query(url, 'create table kept (n int)', 'insert into kept values (1)');
  await matrix.kill();

  const next = await start(dataDir);
  assert.equal(next.pid, pid);
  assert.deepEqual(await query(next.url, 'select n from kept'), [{ n: 1 }]);
  await next.stop();
});

// A result that was announced as stored would be gone.
test('no acknowledged row is lost when the server is killed while it writes, time after time', async (t) => {
  const { dataDir } = scratch(t);
  let acknowledged = 0;
  for (let round = 0; round < 4; round += 1) {
    const database = await start(dataDir);
    await query(database.url, 'create table if not exists written (n int primary key)');
    const goal = acknowledged + 100;
    const client = new pg.Client({ connectionString: database.url });
    client.on('error', () => undefined);
    await client.connect();
    const writing = (async () => {
      for (;;) {
        // A row may have been committed without its answer having arrived: that one may exist or not.
        await client.query('insert into written values ($1) on conflict do nothing', [acknowledged + 1]);
        acknowledged += 1;
        if (acknowledged === goal) process.kill(database.pid, 'SIGKILL');
      }
    })();
    await assert.rejects(writing);
    assert.match(await database.exited, /ended/);
  }
  const database = await start(dataDir);
  const [row] = await query(database.url, 'select count(*)::int as rows, max(n) as newest from written');
  assert.ok(acknowledged >= 400);
  assert.ok(row?.['newest'] === acknowledged || row?.['newest'] === acknowledged + 1, JSON.stringify(row));
  assert.equal(row['rows'], row['newest']);
  await database.stop();
});

// After a reboot or in a new container the old pid often is somebody else: Matrix would never start again.
test('a lock whose pid is now another process of the same user is removed, and that process left alone', async (t) => {
  const { dataDir } = scratch(t);
  const first = await start(dataDir);
  await query(first.url, 'create table kept (n int)', 'insert into kept values (7)');
  process.kill(first.pid, 'SIGKILL');
  await first.exited;

  const { data } = embeddedPaths(dataDir);
  const { uid, gid } = statSync(data);
  const other = spawn('sleep', ['60'], {
    cwd: '/',
    stdio: 'ignore',
    ...(process.getuid?.() === 0 ? { uid, gid } : {}),
  });
  t.after(() => other.kill('SIGKILL'));
  const lock = readFileSync(lockFilePath(data), 'utf8').replace(/^\d+/, String(other.pid));
  writeFileSync(lockFilePath(data), lock);
  const socketLock = join(embeddedPaths(dataDir).home, 'run', '.s.PGSQL.5432.lock');
  writeFileSync(socketLock, readFileSync(socketLock, 'utf8').replace(/^\d+/, String(other.pid)));
  assert.ok(await waitUntil(() => findHolder(data).state === 'foreign', 5_000));

  const log = memoryLog();
  const second = await start(dataDir, log);
  assert.ok(
    log.lines.some((line) => /removed a stale lock.*\(sleep\)/.test(line)),
    log.lines.join('\n'),
  );
  assert.deepEqual(await query(second.url, 'select n from kept'), [{ n: 7 }]);
  assert.equal(other.exitCode ?? other.signalCode, null);
  await second.stop();
});

// Two generations of server processes would write the same files.
test('sessions that survive a killed server are ended before the next one starts', async (t) => {
  const { dataDir } = scratch(t);
  const first = await start(dataDir);
  const client = new pg.Client({ connectionString: first.url });
  client.on('error', () => undefined);
  await client.connect();
  const busy = assert.rejects(client.query('do $$ begin loop end loop; end $$'));
  assert.ok(
    await waitUntil(async () => {
      const rows = await query(
        first.url,
        "select 1 from pg_stat_activity where query like 'do %' and state = 'active'",
      );
      return rows.length === 1;
    }, 10_000),
  );
  process.kill(first.pid, 'SIGKILL');
  await first.exited;

  const log = memoryLog();
  const second = await start(dataDir, log);
  await busy;
  assert.ok(
    log.lines.some((line) => line.includes('its sessions still run')),
    log.lines.join('\n'),
  );
  assert.deepEqual(await query(second.url, 'select 1 as one'), [{ one: 1 }]);
  await second.stop();
});

// A quick restart by the host's service manager would fail while the old server is still shutting down.
test('a server that is shutting down is waited for', async (t) => {
  const { dataDir } = scratch(t);
  const first = await start(dataDir);
  const client = new pg.Client({ connectionString: first.url });
  client.on('error', () => undefined);
  await client.connect();
  process.kill(first.pid, 'SIGTERM'); // smart shutdown: waits for the session above
  const { data } = embeddedPaths(dataDir);
  const isStopping = (): boolean => {
    const holder = findHolder(data);
    return holder.state === 'server' && holder.lock.status === 'stopping';
  };
  assert.ok(await waitUntil(isStopping, 10_000));
  const log = memoryLog();
  const next = start(dataDir, log);
  assert.ok(
    await waitUntil(() => log.lines.some((line) => line.includes('stopping; waiting for it')), 10_000),
  );
  await client.end();
  const second = await next;
  assert.notEqual(second.pid, first.pid);
  await second.stop();
});

// A server whose socket was swept from the temporary files would block every start.
test('a server that cannot be reached any more is stopped cleanly and replaced', async (t) => {
  const { dataDir } = scratch(t);
  const first = await start(dataDir);
  await query(first.url, 'create table kept (n int)', 'insert into kept values (3)');
  const { home } = embeddedPaths(dataDir);
  unlinkSync(join(home, 'run', '.s.PGSQL.5432'));
  const second = await start(dataDir);
  assert.notEqual(second.pid, first.pid);
  await first.exited;
  assert.match(readFileSync(embeddedPaths(dataDir).log, 'utf8'), /database system is shut down/);
  assert.deepEqual(await query(second.url, 'select n from kept'), [{ n: 3 }]);
  await second.stop();
});

// A first start that is cut off (Ctrl-C, power) would leave a half-made database that no start can use.
test('a first start that is killed at any point leaves nothing in the way', async (t) => {
  const { dataDir } = scratch(t);
  const isBegun = (): boolean => {
    try {
      return readdirSync(dataDir).some((name) => name.startsWith('postgres.init-'));
    } catch {
      return false;
    }
  };
  const matrix = starter(t, dataDir);
  assert.ok(await waitUntil(isBegun, 20_000));
  await matrix.kill();
  assert.ok(isBegun());
  const database = await start(dataDir);
  assert.deepEqual(await query(database.url, 'select 1 as one'), [{ one: 1 }]);
  assert.deepEqual(readdirSync(dirname(embeddedPaths(dataDir).home)), ['postgres']);
  await database.stop();
});
