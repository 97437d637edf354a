/** A database server that stands still (SIGSTOP, a frozen container, a dead disk) must not need a person. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { embeddedPaths } from '../../src/store/embedded/index.js';
import { untilSilent } from '../../src/store/embedded/liveness.js';
import { endProcesses } from '../../src/store/embedded/postmaster.js';
import { serversOf, signal } from '../../src/store/embedded/processes.js';
import { waitUntil } from '../../src/store/embedded/wait.js';
import { memoryLog, query, scratch, start } from './embedded-kit.js';

/** A session that stays; it may end as it likes. */
async function session(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function freeze(data: string): Promise<number> {
  const servers = await serversOf(data);
  for (const { pid } of servers) process.kill(pid, 'SIGSTOP');
  return servers.length;
}

// Stopping Matrix would take half a minute, and what is left of the server would block the next start.
test('a frozen server is stopped in order and leaves no process behind', async (t) => {
  const { dataDir } = scratch(t);
  const { data } = embeddedPaths(dataDir);
  const database = await start(dataDir);
  await query(database.url, 'create table kept (n int)', 'insert into kept values (5)');
  await session(database.url);
  assert.ok((await freeze(data)) > 2);
  const log = memoryLog();
  const begun = performance.now();
  await database.stop();
  assert.ok(performance.now() - begun < 14_000, 'it was not waited for until it had to be killed');
  assert.deepEqual(await serversOf(data), []);
  const again = await start(dataDir, log);
  assert.deepEqual(await query(again.url, 'select n from kept'), [{ n: 5 }]);
  await again.stop();
});

// A start would fail until a person ended the frozen sessions by hand.
test('frozen sessions of a killed server do not block the next start', async (t) => {
  const { dataDir } = scratch(t);
  const { data } = embeddedPaths(dataDir);
  const first = await start(dataDir);
  await query(first.url, 'create table kept (n int)', 'insert into kept values (6)');
  await session(first.url);
  await freeze(data);
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  const survivors = await serversOf(data);
  assert.ok(survivors.length > 1);
  // Whatever wakes them, something freezes them again: asking is of no use here.
  const freezing = setInterval(() => {
    for (const survivor of survivors) signal(survivor, 'SIGSTOP');
  }, 2);
  t.after(() => clearInterval(freezing));
  const log = memoryLog();
  const next = start(dataDir, log);
  assert.ok(await waitUntil(() => log.lines.some((line) => line.includes('killing them')), 30_000));
  clearInterval(freezing);
  const second = await next;
  assert.deepEqual(await query(second.url, 'select n from kept'), [{ n: 6 }]);
  await second.stop();
});

test('what a killed server leaves is ended by force', async (t) => {
  const { dataDir } = scratch(t);
  const { data } = embeddedPaths(dataDir);
  const database = await start(dataDir);
  await session(database.url);
  await freeze(data);
  process.kill(database.pid, 'SIGKILL');
  await database.exited;
  assert.ok((await serversOf(data)).length > 1);
  assert.equal(await endProcesses(data), true);
  assert.deepEqual(await serversOf(data), []);
});

const FAST = { askEveryMs: 20, answerMs: 300 };

// Matrix would wait for a server that runs and never answers, for as long as it lives.
test('a server that runs and does not answer is found out, and said before it is given up', async (t) => {
  const { dataDir } = scratch(t);
  const { data } = embeddedPaths(dataDir);
  const database = await start(dataDir);
  const log = memoryLog();
  const never = new AbortController();
  const silent = untilSilent({ url: database.url, signal: never.signal, log, ...FAST });
  await freeze(data);
  assert.match((await silent) ?? '', /does not answer/);
  assert.equal(log.lines.filter((line) => line.includes('does not answer')).length, 1);
  await database.stop();
});

// A busy database would be restarted, again and again, at the worst moment.
test('one that refuses another session works, and one that answers works', async (t) => {
  const { dataDir } = scratch(t);
  const database = await start(dataDir);
  const sessions: pg.Client[] = [];
  const refused = async (): Promise<boolean> => {
    try {
      sessions.push(await session(database.url));
      return false;
    } catch {
      return true;
    }
  };
  const ending = new AbortController();
  const silent = untilSilent({ url: database.url, signal: ending.signal, log: memoryLog(), ...FAST });
  assert.ok(await waitUntil(refused, 20_000));
  let asked = 0;
  assert.ok(await waitUntil(async () => ((await refused()) ? ++asked > 50 : false), 20_000));
  ending.abort();
  assert.equal(await silent, null);
  await Promise.all(sessions.map((client) => client.end()));
  await database.stop();
});
