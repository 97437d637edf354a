/** Two collectors on one database: one of them collects, and the other is there when it does not. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { showLife } from '../../src/store/holder.js';
import { Leadership } from '../../src/store/leadership.js';
import { createClient, endClient } from '../../src/store/pool.js';
import { memoryLog } from '../support/log.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';

const LOCK = 4_711;
let postgres: TestPostgres;
const open: Leadership[] = [];

before(async () => {
  postgres = await startPostgres();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((leadership) => leadership.close()));
});
after(() => postgres.close());

function contend(name: string, frozenMs?: number) {
  const heard: string[] = [];
  const log = memoryLog();
  let leads = false;
  let notified = 0;
  const leadership = new Leadership({
    url: postgres.url,
    lock: LOCK,
    name,
    listen: 'test_targets',
    log,
    ...(frozenMs === undefined ? {} : { frozenMs }),
    onGained: (note) => {
      leads = true;
      heard.push(note === null ? 'gained' : `gained: ${note}`);
    },
    onLost: () => {
      leads = false;
      heard.push('lost');
    },
    onNotified: () => {
      notified += 1;
    },
  });
  open.push(leadership);
  return { leadership, heard, log, leads: () => leads, notified: () => notified };
}

/** Names of the sessions that hold the lock, as the database sees it. */
async function holders(): Promise<string[]> {
  const rows = await postgres.query(
    `SELECT a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.objid = ${LOCK}`,
  );
  return rows.map((row) => String(row['name']));
}
const cut = (name: string): Promise<unknown> =>
  postgres.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, [
    name,
  ]);

describe('of two contenders', () => {
  test('one leads; when it closes the other leads at once; the database never sees both', async () => {
    const blue = contend('blue');
    await until('blue leads', blue.leads);
    const green = contend('green');
    let watched = 0;
    const watch = setInterval(() => {
      void holders().then((names) => {
        watched += 1;
        if (names.length > 1) assert.fail(`held by ${names.join(' and ')}`);
      });
    }, 20);
    try {
      await new Promise((resolve) => setTimeout(resolve, 700));
      assert.equal(green.leads(), false);
      await blue.leadership.close();
      await until('green leads', green.leads, 5_000);
      assert.deepEqual(await holders(), ['matrix green']);
      assert.ok(watched > 5);
    } finally {
      clearInterval(watch);
    }
  });

  test('the one whose session is cut hands over or leads on; exactly one does, and each knows it', async () => {
    const blue = contend('blue');
    const green = contend('green');
    for (let round = 0; round < 4; round += 1) {
      await until('one leads', () => blue.leads() !== green.leads());
      await cut(blue.leads() ? 'matrix blue' : 'matrix green');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await until('one leads, and the database says the same', async () => {
      const names = await holders();
      return (
        names.length === 1 &&
        blue.leads() !== green.leads() &&
        names[0] === (blue.leads() ? 'matrix blue' : 'matrix green')
      );
    });
    for (const { heard } of [blue, green])
      for (const [index, event] of heard.entries())
        assert.notEqual(event, heard[index - 1], 'gaining and losing take turns');
  });

  test('the one that led when the database went away leads when it is back: what it collected waits with it', async () => {
    const blue = contend('blue');
    await until('blue leads', blue.leads);
    const green = contend('green');
    await until('green stands by', () => green.heard.includes('lost'));
    for (let round = 0; round < 3; round += 1) {
      await postgres.kill();
      await until('both know', () => green.log.lines.length > round && blue.log.lines.length > round);
      await postgres.start();
      await until('somebody holds it', async () => (await holders()).length === 1);
      assert.deepEqual(await holders(), ['matrix blue']);
    }
    assert.deepEqual([blue.heard, green.heard], [['gained'], ['lost']]);
  });

  test('a dead leader whose sessions are cut for good makes room', async () => {
    const blue = contend('blue');
    await until('blue leads', blue.leads);
    const green = contend('green');
    await until('green stands by', async () => {
      const rows = await postgres.query(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = 'matrix green'`,
      );
      return rows.length === 1;
    });
    const timer = setInterval(() => void cut('matrix blue'), 50);
    try {
      await until('green leads', green.leads, 10_000);
    } finally {
      clearInterval(timer);
    }
  });
});

describe('who leaves', () => {
  test('tells the next one what it has to know, and only that one', async () => {
    const blue = contend('blue');
    await until('blue leads', blue.leads);
    const green = contend('green');
    await until('green stands by', () => green.heard.length === 1);
    await blue.leadership.close('asked until noon');
    await until('green leads', green.leads);
    assert.deepEqual(green.heard, ['lost', 'gained: asked until noon']);
    const red = contend('red');
    await until('red stands by', () => red.heard.length === 1);
    await green.leadership.close();
    await until('red leads', red.leads);
    assert.deepEqual(red.heard, ['lost', 'gained']);
  });
});

describe('a holder that is silent', () => {
  /** Holds the lock as a process does that was frozen just now. */
  const silent = async (words: boolean): Promise<{ end: () => Promise<void>; isCut: () => boolean }> => {
    let isCut = false;
    const client = createClient(postgres.url, {
      name: 'silent',
      onError: () => {
        isCut = true;
      },
    });
    await client.connect();
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    if (words) await showLife(client);
    return { end: () => endClient(client), isCut: () => isCut };
  };

  test('although it said that it lives loses its session, and hears of that', async () => {
    const frozen = await silent(true);
    const green = contend('green', 1_000);
    try {
      await until('green leads', green.leads, 10_000);
      await until('its session is cut', frozen.isCut);
      assert.ok(green.log.lines.some((line) => line['event'] === 'lock_holder_frozen'));
    } finally {
      await frozen.end();
    }
  });

  test('and knows nothing of saying so keeps it, as an older version does', async () => {
    const older = await silent(false);
    const green = contend('green', 300);
    try {
      await until('green has looked for long', () => green.heard.length === 1);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      assert.deepEqual(green.heard, ['lost']);
      assert.equal(older.isCut(), false);
    } finally {
      await older.end();
    }
  });

  test('is not found in one that shows its life', async () => {
    const blue = contend('blue');
    await until('blue leads', blue.leads);
    const green = contend('green', 2_500);
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    assert.deepEqual([blue.heard, green.heard], [['gained'], ['lost']]);
  });
});

describe('an outage of the database', () => {
  test('takes the lead from nobody, is logged once, and is over by itself', async () => {
    const blue = contend('blue');
    await until('blue leads', blue.leads);
    await postgres.kill();
    await new Promise((resolve) => setTimeout(resolve, 1_800));
    assert.equal(blue.leads(), true, 'nobody else can hold it, so probing goes on');
    await postgres.start();
    await until('it holds the lock again', async () => (await holders()).length === 1);
    assert.deepEqual(blue.heard, ['gained']);
    const lines = blue.log.lines.filter((line) => line['event'] === 'lock_session_lost');
    assert.ok(lines.length >= 1 && lines.length <= 4, `${lines.length} lines`);
  });

  test('does not keep a process from ending: a frozen server never answers a farewell', async () => {
    const blue = contend('blue');
    await until('blue leads', blue.leads);
    const rows = await postgres.query(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'matrix blue'`,
    );
    const pid = Number(rows[0]?.['pid']);
    process.kill(pid, 'SIGSTOP');
    try {
      await blue.leadership.close();
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });
});

test('who registers a target is heard; a new leader looks for itself', async () => {
  const blue = contend('blue');
  await until('blue leads', () => blue.leads() && blue.notified() === 1);
  await postgres.query(`SELECT pg_notify('test_targets', '')`);
  await until('it heard', () => blue.notified() === 2);
});

test('a session for locks asks the server to notice a host that vanished', async () => {
  const client = createClient(postgres.url, { name: 'test' });
  await client.connect();
  const { rows } = await client.query('SHOW TimeZone');
  assert.equal(rows[0]?.TimeZone, 'UTC');
  await endClient(client);
});
