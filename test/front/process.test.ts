/**
 * Lost if this fails: a front that cannot be watched, that dies with the database, or that lives on as an orphan
 * holding the port. The front's real process, on a real PostgreSQL.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { WebSocket } from 'ws';
import type { FromFront, ToFront } from '../../schema/messages.js';
import { SQL_DIR, workerEntry } from '../../src/config/paths.js';
import { type ClientState, receive } from '../../src/snapshot/client.js';
import { migrate } from '../../src/store/migrate.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';
import { bearer, frontInit } from './support.js';

let postgres: TestPostgres;
let front: ChildProcess;
let base: string;
const said: FromFront[] = [];

const tell = (child: ChildProcess, message: ToFront) => child.send(message);

function forkFront(more: Parameters<typeof frontInit>[0] = {}): ChildProcess {
  const child = fork(workerEntry('front'), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  tell(child, { kind: 'init', init: frontInit(more) });
  return child;
}

async function portOf(child: ChildProcess): Promise<number> {
  for (;;) {
    const [message] = (await once(child, 'message')) as [FromFront];
    if (message.kind === 'ready') return message.port;
    if (message.kind === 'fatal') throw new Error(message.message);
  }
}

const get = async (path: string) => {
  const answer = await fetch(base + path);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
const ready = async () => (await get('/health/ready')).status;

/** What a writer on another machine does. */
async function commitAlert(service: string): Promise<string> {
  const id = randomUUID();
  await postgres.query(
    `WITH taken AS (UPDATE matrix.revision SET rev = rev + 1 RETURNING rev), made AS (
       INSERT INTO matrix.alerts (id, customer_id, service, message, created_at, rev)
       SELECT $1, 'axe', $2, 'down', now(), rev FROM taken)
     SELECT pg_notify('matrix_changes', json_build_object('rev', rev, 'node', 'elsewhere')::text) FROM taken`,
    [id, service],
  );
  return id;
}

before(async () => {
  postgres = await startPostgres();
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await migrate(client, SQL_DIR);
  await client.end();
  front = forkFront();
  base = `http://127.0.0.1:${await portOf(front)}`;
  front.on('message', (message) => said.push(message as FromFront));
});
after(async () => {
  front.kill('SIGKILL');
  await postgres.close();
});

test('it answers health before any database is there, and says why it is not ready', async () => {
  const health = await get('/health');
  assert.equal(health.status, 200);
  assert.equal(health.body['service'], 'matrix');
  assert.equal(health.body['version'], '9.8.7');
  assert.equal(typeof health.body['uptime'], 'number');
  const unready = await get('/health/ready');
  assert.equal(unready.status, 503);
  assert.match(String(unready.body['reason']), /starting/);
  assert.equal((await get('/api/alerts')).status, 503);
});

test('with the database it is ready, and shows dependencies and tree as main reports them', async () => {
  tell(front, { kind: 'database', url: postgres.url });
  await until('readiness', async () => (await ready()) === 200);
  tell(front, { kind: 'dependencies', dependencies: { queue: 'full', writer: null } });
  const told = await until('dependencies', async () => {
    const { body } = await get('/health');
    return JSON.stringify(body['dependencies']).includes('full') && body;
  });
  assert.deepEqual(told['dependencies'], { queue: 'full', writer: 'connected', database: 'connected' });
  assert.equal(told['status'], 'unhealthy');
  const report = (): boolean =>
    front.connected && tell(front, { kind: 'dependencies', dependencies: { queue: null } });
  report();
  // A main that is silent from now on would be what is wrong in every test that follows.
  setInterval(report, 500).unref();
  await until('health', async () => (await get('/health')).body['status'] === 'healthy');
});

test('commits of other machines reach the boards, and acknowledging is seen by all', async () => {
  const socket = new WebSocket(`${base.replace('http', 'ws')}/matrix/ws`);
  let state: ClientState | null = null;
  socket.on('message', (data) => {
    state = receive(state, JSON.parse(String(data))).state;
  });
  await once(socket, 'message');
  const id = await commitAlert('far');
  const shown = () => (state?.alerts ?? []).some((one) => one.id === id);
  await until('the alert on the board', shown);
  const headers = { ...(await bearer('member')), 'content-type': 'application/json' };
  const acked = await fetch(`${base}/api/alerts/${id}/ack`, {
    method: 'POST',
    headers,
    body: '{"acked_by":"night-shift"}',
  });
  assert.equal(acked.status, 200);
  await until('the acknowledgement on the board', () => !shown());
  const rows = await postgres.query('SELECT acked_by FROM matrix.alerts WHERE id = $1', [id]);
  assert.deepEqual(rows, [{ acked_by: 'night-shift' }]);
  socket.terminate();
});

test('a registered target is checked by its family before it is stored', async () => {
  const headers = { ...(await bearer('admin')), 'content-type': 'application/json' };
  const register = async (body: object) => {
    const answer = await fetch(`${base}/api/services`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return { status: answer.status, text: await answer.text() };
  };
  const wrong = await register({ name: 'web', family: 'http', config: { uri: 'http://127.0.0.1/' } });
  assert.equal(wrong.status, 400);
  assert.match(wrong.text, /uri/);
  assert.equal((await register({ name: 'web', family: 'nonsense' })).status, 400);
  const nul = await register({ name: 'a\0b', family: 'http', config: { url: 'http://127.0.0.1/' } });
  assert.equal(nul.status, 400);
  assert.equal((await get('/api/services/a%00b/history')).status, 400);
  const right = { name: 'web', family: 'http', config: { url: 'http://127.0.0.1/', interval_s: 5 } };
  assert.equal((await register(right)).status, 201);
  assert.equal((await register(right)).status, 409);
  const rows = await postgres.query(`SELECT interval_ms FROM matrix.services WHERE name = 'web'`);
  assert.deepEqual(rows, [{ interval_ms: 5000 }]);
  await until('the collector to hear of it', () =>
    said.some((message) => message.kind === 'targets_changed'),
  );
  assert.equal((await get('/api/services/web/history')).status, 200);
  assert.deepEqual((await get('/api/uptime?days=30')).body['services'], [
    { service: 'web', passes: 0, warns: 0, fails: 0, total: 0, uptime_percent: null, not_observed_s: 0 },
  ]);
  const gone = await fetch(`${base}/api/services/web`, { method: 'DELETE', headers });
  assert.equal(gone.status, 200);
});

test('a database that is killed costs readiness, not the process, and what was missed is made up', async () => {
  await postgres.kill();
  await until('the outage to show', async () => (await ready()) === 503);
  assert.equal((await get('/health')).status, 200);
  assert.equal((await get('/api/status')).status, 200);
  assert.equal((await get('/api/alerts')).status, 503);
  await postgres.start();
  const id = await commitAlert('missed');
  await until('readiness', async () => (await ready()) === 200);
  const socket = new WebSocket(`${base.replace('http', 'ws')}/matrix/ws`);
  let state: ClientState | null = null;
  socket.on('message', (data) => {
    state = receive(state, JSON.parse(String(data))).state;
  });
  await until('the alert of the outage', () => (state?.alerts ?? []).some((one) => one.id === id));
  socket.terminate();
});

test('a database that hangs is told within seconds, and nobody waits for it to ask', async () => {
  const freeze = (signal: string) => {
    const children = execFileSync('pgrep', ['-P', String(postgres.pid)], { encoding: 'utf8' })
      .trim()
      .split('\n');
    for (const pid of [String(postgres.pid), ...children]) {
      try {
        process.kill(Number(pid), signal);
      } catch {
        // A session that has ended meanwhile.
      }
    }
  };
  freeze('SIGSTOP');
  try {
    const reason = await until('the hang to show', async () => {
      const { status, body } = await get('/health/ready');
      return status === 503 && String(body['reason']);
    });
    assert.match(reason, /did not answer|timeout/i);
  } finally {
    freeze('SIGCONT');
  }
  await until('readiness', async () => (await ready()) === 200);
});

test('a port that is taken is a clear error, not a crash loop', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const second = forkFront({ port });
  // On a busy machine it lives for a moment before it listens, and says so.
  const message = await new Promise<FromFront>((resolve) => {
    second.on('message', (said) => (said as { kind: string }).kind !== 'beat' && resolve(said as FromFront));
  });
  assert.equal(message.kind, 'fatal');
  assert.equal(message.kind === 'fatal' && message.code, 'MX_PORT_IN_USE');
  assert.match(
    message.kind === 'fatal' ? message.message : '',
    new RegExp(`port ${port}: another process already`),
  );
  assert.equal((await once(second, 'exit'))[0], 1);
  taken.close();
});

test('it goes when its parent goes, and a drain ends it cleanly', async () => {
  const orphan = forkFront();
  await portOf(orphan);
  const ended = once(orphan, 'exit');
  orphan.disconnect();
  assert.equal((await ended)[0], 0);
  const drained = once(front, 'exit');
  tell(front, { kind: 'drain' });
  assert.deepEqual(await drained, [0, null]);
});
