import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { PgBoss } from 'pg-boss';
import { type Embedded, embeddedPaths } from '../../src/store/embedded/index.js';
import { findHolder } from '../../src/store/embedded/lock-file.js';
import { trimLog } from '../../src/store/embedded/log-file.js';
import { memoryLog, query, scratch, start, starter } from './embedded-kit.js';

// A new user would get no database at all from `npm start`, or one that is open to others on the machine.
test('an empty directory becomes a private database for node-postgres and pg-boss', async (t) => {
  const { dataDir } = scratch(t);
  const log = memoryLog();
  const database = await start(dataDir, log);
  const [row] = await query(
    database.url,
    `select current_user, current_database(), rolsuper, current_setting('server_version_num')::int / 10000 as major,
       current_setting('listen_addresses') as tcp, current_setting('fsync') as fsync,
       current_setting('synchronous_commit') as synchronous, current_setting('TimeZone') as zone,
       pg_encoding_to_char(encoding) as encoding, datlocprovider as provider, datlocale as locale
     from pg_roles, pg_database where rolname = current_user and datname = current_database()`,
  );
  assert.deepEqual(row, {
    current_user: 'matrix',
    current_database: 'matrix',
    rolsuper: false,
    major: 18,
    tcp: '',
    fsync: 'on',
    synchronous: 'on',
    zone: 'UTC',
    encoding: 'UTF8',
    provider: 'b',
    locale: 'C.UTF-8',
  });
  const paths = embeddedPaths(dataDir);
  assert.equal(statSync(paths.password).mode & 0o777, 0o600);
  assert.equal(statSync(paths.home).mode & 0o777, 0o700);
  const wrong = database.url.replace(/:[^:@]+@/, ':wrong@');
  await assert.rejects(query(wrong, 'select 1'), /password authentication failed/);
  assert.ok(!readFileSync(paths.log, 'utf8').includes(readFileSync(paths.password, 'utf8').trim()));

  const boss = new PgBoss({ connectionString: database.url });
  boss.on('error', (error) => assert.fail(error));
  await boss.start();
  await boss.createQueue('results');
  await boss.send('results', { n: 1 });
  assert.deepEqual(
    (await boss.fetch<{ n: number }>('results')).map((job) => job.data.n),
    [1],
  );
  await boss.stop({ graceful: false });
  await database.stop();
});

// Restarting Matrix would cost the data, or leave a server behind that nobody stops.
test('a second start takes over the same server; stop ends it and keeps every row', async (t) => {
  const { dataDir } = scratch(t);
  const first = await start(dataDir);
  await query(first.url, 'create table kept (n int)', 'insert into kept values (1), (2)');
  const log = memoryLog();
  const second = await start(dataDir, log);
  assert.equal(second.pid, first.pid);
  assert.equal(second.url, first.url);
  assert.ok(log.lines.includes('took over the running embedded database'), log.lines.join('\n'));

  await second.stop();
  assert.equal(await second.exited, 'stopped on request');
  assert.match(await first.exited, /ended; its log ends with: .*database system is shut down/);
  assert.equal(findHolder(embeddedPaths(dataDir).data).state, 'none');
  await second.stop(); // again: nothing to do, nothing to complain about

  const third = await start(dataDir);
  assert.notEqual(third.pid, first.pid);
  assert.deepEqual(await query(third.url, 'select n from kept order by n'), [{ n: 1 }, { n: 2 }]);
  await third.stop();
});

// Two Matrix processes by mistake would write one directory with two servers: the data would be destroyed.
test('starts at the same moment end up with one server, from the first one on', async (t) => {
  const { dataDir } = scratch(t);
  const starters = [starter(t, dataDir), starter(t, dataDir)];
  const here = [start(dataDir), start(dataDir)];
  const all: { pid: number }[] = await Promise.all([...starters.map(({ ready }) => ready), ...here]);
  assert.equal(new Set(all.map(({ pid }) => pid)).size, 1, JSON.stringify(all.map(({ pid }) => pid)));

  await Promise.all((await Promise.all(here)).map((database: Embedded) => database.stop()));
  const again = await Promise.all([start(dataDir), start(dataDir), start(dataDir)]);
  assert.equal(new Set(again.map(({ pid }) => pid)).size, 1);
  await again[0]?.stop();
});

// A killed store thread would take the database with it, or could never be restarted.
test('a thread that is killed leaves the server to the next thread, also if that server then dies', async (t) => {
  const { dataDir } = scratch(t);
  const module = new URL('../../src/store/embedded/index.js', import.meta.url).href;
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    const log = { info() {}, warn() {}, error() {} };
    import(workerData.module).then(({ startEmbedded }) => startEmbedded({ dataDir: workerData.dataDir, log }))
      .then(({ pid }) => parentPort.postMessage(pid));`;
  const worker = new Worker(code, { eval: true, workerData: { module, dataDir } });
  const pid = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();

  const second = await start(dataDir);
  assert.equal(second.pid, pid);
  process.kill(pid, 'SIGKILL');
  assert.match(await second.exited, new RegExp(`\\(pid ${pid}\\) ended`));
  const third = await start(dataDir);
  assert.notEqual(third.pid, pid);
  await third.stop();
});

// A thread that is killed while the database is being made would block every later start.
test('a start that is cut off by the end of its thread does not hold up the next', async (t) => {
  const { dataDir } = scratch(t);
  const module = new URL('../../src/store/embedded/index.js', import.meta.url).href;
  const code = `
    const { workerData } = require('node:worker_threads');
    const log = { info() {}, warn() {}, error() {} };
    import(workerData.module).then(({ startEmbedded }) => {
      require('node:worker_threads').parentPort.postMessage('begun');
      return startEmbedded({ dataDir: workerData.dataDir, log });
    });`;
  for (const delayMs of [20, 150, 400]) {
    const worker = new Worker(code, { eval: true, workerData: { module, dataDir } });
    await new Promise((resolve) => worker.once('message', resolve));
    await new Promise((resolve) => setTimeout(resolve, delayMs)); // where it is cut does not matter
    await worker.terminate();
  }
  const database = await start(dataDir);
  assert.deepEqual(await query(database.url, 'select 1 as one'), [{ one: 1 }]);
  await database.stop();
});

// An error that repeats would fill the disk of the machine that Matrix watches.
test('the log stays bounded and goes on after trimming', async (t) => {
  const { dataDir } = scratch(t);
  const database = await start(dataDir);
  const { log } = embeddedPaths(dataDir);
  appendFileSync(log, 'x'.repeat(3_000_000));
  const { uid, gid } = statSync(log);
  await trimLog(log, { uid, gid, name: 'owner' }, 2_000_000);
  assert.equal(statSync(log).size, 0);
  assert.equal(statSync(`${log}.1`).size, 1024 * 1024);
  await assert.rejects(query(database.url, 'select no_such_column'), /no_such_column/);
  assert.match(readFileSync(log, 'utf8'), /^\d{4}-.*ERROR: {2}column "no_such_column" does not exist/);
  await database.stop();
});
