/** Lost if this fails: after a silent cut of the network a standby's board stays old for ever, and says it is fine. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import pino from 'pino';
import { Database } from '../../src/front/database.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';

let postgres: TestPostgres;
before(async () => {
  postgres = await startPostgres();
});
after(() => postgres.close());

/** A way to PostgreSQL that can be cut without a word: what is open stays open and carries nothing any more. */
async function line() {
  const directory = /host=(.*)/.exec(postgres.url)?.[1] ?? '';
  const socketPath = `${directory}/.s.PGSQL.5432`;
  const open = new Set<{ near: Socket; far: Socket }>();
  let isCut = false;
  const server = createServer((near) => {
    const far = connect(socketPath);
    for (const socket of [near, far]) socket.on('error', () => undefined);
    if (isCut) return void near.pause();
    near.pipe(far);
    far.pipe(near);
    open.add({ near, far });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `postgresql://matrix@127.0.0.1:${(server.address() as AddressInfo).port}/matrix`,
    cut: () => {
      isCut = true;
      for (const { near, far } of open) {
        near.unpipe(far).pause();
        far.unpipe(near).pause();
      }
    },
    mend: () => {
      isCut = false;
    },
    close: () => {
      for (const { near, far } of open) for (const socket of [near, far]) socket.destroy();
      server.close();
    },
  };
}

test('a LISTEN connection that nobody hears any more is replaced when the database answers again', async () => {
  const way = await line();
  const heard: number[] = [];
  let listens = 0;
  const database = new Database(pino({ level: 'silent' }), {
    onListening: async () => {
      listens += 1;
    },
    onRevision: (rev) => void heard.push(rev),
  });
  database.use(way.url);
  await until('it listens', () => listens === 1);
  way.cut();
  await until('it is down', () => database.reason !== null);
  way.mend();
  await until('it answers', () => database.reason === null, 60_000);
  await until('it listens anew', () => listens === 2, 30_000);
  await postgres.query(`SELECT pg_notify('matrix_changes', '{"rev": 7}')`);
  await until('a commit is heard of', () => heard.includes(7));
  assert.deepEqual(heard, [7]);
  await database.close();
  way.close();
});
