/** Lost if this fails: a database that is read-only, full or short of connections costs results, or buries good ones. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Producer } from '../../src/queue/producer.js';
import { mountRefusal, mountTmpfs } from '../support/mounts.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';
import {
  count,
  declaration,
  Life,
  type RunningWriter,
  settled,
  startProducer,
  startWriter,
} from './writer-kit.js';

const START = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000;

let postgres: TestPostgres;
let directory: string;
let producer: Producer;
let writer: RunningWriter;
let life: Life;

/** `settings` and `parent` as of `startPostgres`. The writer has a role of its own, so that it alone is in want. */
async function start(settings: readonly string[] = [], parent?: string): Promise<void> {
  postgres = await startPostgres(settings, parent);
  await postgres.query('CREATE ROLE writer LOGIN; GRANT CREATE ON DATABASE matrix TO writer');
  directory = mkdtempSync(join(tmpdir(), 'mx-resources-'));
  writer = startWriter(postgres.url.replace('matrix@', 'writer@'));
  await until('the writer is active', writer.isActive);
  producer = await startProducer(postgres.url, directory);
  life = new Life('patient', START);
  producer.add({ declare: declaration('patient'), results: [life.next()] });
  await settled(producer, postgres);
}
async function stop(): Promise<void> {
  await producer.close();
  await writer.stop();
  await postgres.close();
  rmSync(directory, { recursive: true, force: true });
}

const reconnect = (): Promise<unknown> =>
  postgres.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'writer'`);
const send = (results: number): void => {
  for (let n = 0; n < results; n += 1) producer.add({ results: [life.next()] });
};

/** Everything is stored, once, and nothing was put aside. */
async function assertWhole(): Promise<void> {
  await settled(producer, postgres);
  assert.equal(await count(postgres, 'matrix.results'), life.made);
  assert.equal(await count(postgres, `pgboss.job WHERE name = 'matrix-results-dead'`), 0);
  assert.equal(writer.last()?.buried, 0);
  assert.equal(writer.last()?.problem, null);
  const told = (kind: string): Promise<number> =>
    count(postgres, `pgboss.job WHERE name = 'matrix-notices' AND data->>'kind' = $1`, [kind]);
  assert.deepEqual([await told('outage'), await told('recovery')], [life.outages, life.recoveries]);
}

/** What the log tells of since `from`. */
const logged = (from: number, pattern: RegExp): boolean =>
  writer.log.lines.slice(from).some((line) => pattern.test(String(line['error'])));

describe('the writer waits and goes on', () => {
  before(() => start());
  after(stop);

  test('when the database is read-only', async () => {
    await postgres.query('ALTER ROLE writer SET default_transaction_read_only = on');
    const from = writer.log.lines.length;
    await reconnect();
    send(30);
    await until('it is told', () => logged(from, /read-only transaction/));
    assert.match(writer.last()?.problem ?? '', /read-only transaction/);
    await postgres.query('ALTER ROLE writer RESET default_transaction_read_only');
    await reconnect();
    await assertWhole();
  });

  test('when the database turns read-only under its session', async () => {
    const from = writer.log.lines.length;
    // What every transaction of the writer finds, as after a failover.
    await postgres.query(`CREATE FUNCTION matrix.read_only() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN SET transaction_read_only = on; RETURN NULL; END $$;
      CREATE TRIGGER read_only BEFORE INSERT ON matrix.results FOR EACH STATEMENT EXECUTE FUNCTION matrix.read_only()`);
    send(30);
    await until('it is told', () => logged(from, /read-only transaction/));
    await postgres.query('DROP FUNCTION matrix.read_only() CASCADE');
    await assertWhole();
  });

  test('when there is no connection left for it', async () => {
    await postgres.query('ALTER ROLE writer CONNECTION LIMIT 0');
    const from = writer.log.lines.length;
    await reconnect();
    send(30);
    await until('it is told', () => logged(from, /too many connections/));
    await postgres.query('ALTER ROLE writer CONNECTION LIMIT 1');
    await until('one is not enough, it needs more', () => writer.last()?.active === false);
    await postgres.query('ALTER ROLE writer CONNECTION LIMIT -1');
    await assertWhole();
  });

  for (const [code, what] of [
    ['53200', 'memory runs out'],
    ['53100', 'the disk is full'],
    ['53400', 'a configured limit is reached'],
    ['57014', 'a statement is cancelled'],
    ['58030', 'the disk does not work'],
    ['55P03', 'a lock is not to be had'],
    ['XX000', 'PostgreSQL finds an error of its own'],
  ] as const) {
    test(`when ${what} (SQLSTATE ${code})`, async () => {
      const from = writer.log.lines.length;
      await postgres.query(`CREATE FUNCTION matrix.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'refused with ${code}' USING ERRCODE = '${code}'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON matrix.results FOR EACH STATEMENT EXECUTE FUNCTION matrix.refuse()`);
      send(20);
      await until('it gave its session up', () =>
        writer.log.lines
          .slice(from)
          .some((line) => line['event'] === 'writer_session_lost' && String(line['error']).includes(code)),
      );
      await postgres.query('DROP FUNCTION matrix.refuse() CASCADE');
      await assertWhole();
    });
  }
});

describe('on a disk of its own', { skip: mountRefusal() ?? false }, () => {
  let mount: ReturnType<typeof mountTmpfs>;
  before(async () => {
    mount = mountTmpfs('size=192m,mode=0755');
    // Segments of WAL stay, so that it is the tables that find no room.
    await start(['min_wal_size=64MB', 'max_wal_size=64MB'], mount.path);
  });
  after(async () => {
    await stop();
    mount.unmount();
  });

  test('that is full, the writer waits for room and goes on', async () => {
    const from = writer.log.lines.length;
    const ballast = join(mount.path, 'ballast');
    const { bavail, bsize } = statfsSync(mount.path);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize - 65_536));
    const timer = setInterval(() => send(50), 50);
    try {
      await until('there is no room', () => logged(from, /No space left on device/), 60_000);
    } finally {
      clearInterval(timer);
      rmSync(ballast);
    }
    await assertWhole();
  });
});
