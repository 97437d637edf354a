/** Lost if this fails: a client, broken or hostile, that takes the front's memory or its last file descriptor. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { LIMITS } from '../../src/contract/limits.js';
import { Authenticator } from '../../src/front/auth.js';
import { hostCheck } from '../../src/front/http/hosts.js';
import { bearer, type Fixture, SECRET, serve, token } from '../front/support.js';
import { until } from '../support/wait.js';

const limit = { timeout: 60_000 };

/** A front that ends with its test, whatever becomes of that. */
async function front(t: TestContext): Promise<Fixture> {
  const fixture = await serve();
  t.after(() => fixture.front.drain());
  return fixture;
}

/** A connection that stays open for as long as its test; `answer` resolves with the status of what came on it. */
class Held {
  readonly socket: Socket;
  #text = '';

  constructor(t: TestContext, fixture: Fixture) {
    this.socket = connect(fixture.front.port, '127.0.0.1');
    t.after(() => this.socket.destroy());
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk) => {
      this.#text += chunk.toString();
    });
  }

  ask(path: string): this {
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    return this;
  }

  get status(): number | undefined {
    return this.#text === '' ? undefined : Number(this.#text.split(' ')[1]);
  }

  answer(): Promise<number> {
    return until('an answer', () => this.status);
  }
}

test(
  'requests_in_flight: requests that the database holds up are bounded; health still answers',
  limit,
  async (t) => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const fixture = await front(t);
    const listAlerts = fixture.store.listAlerts.bind(fixture.store);
    fixture.store.listAlerts = async (which) => {
      await held;
      return listAlerts(which);
    };
    const { value: most } = LIMITS.requests_in_flight;
    const waiting = Array.from({ length: most }, () => new Held(t, fixture).ask('/api/alerts'));
    const inUse = async () => {
      const text = await (await fetch(`${fixture.base}/health`)).text();
      assert.match(text, /"service":"matrix"/);
      // The question for the limit would itself be one request too many, so the refusal tells.
      return (await fetch(`${fixture.base}/api/limits`)).status === 503;
    };
    await until('all are in flight', inUse);
    const refused = await fetch(`${fixture.base}/api/alerts`);
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '2');
    assert.equal(((await refused.json()) as { error: { code: string } }).error.code, 'MX_NOT_READY');
    assert.ok(waiting.every(({ status }) => status === undefined));
    release();
    assert.deepEqual([...new Set(await Promise.all(waiting.map((one) => one.answer())))], [200]);
    assert.equal((await fetch(`${fixture.base}/api/alerts`)).status, 200);
  },
);

test(
  'http_connections: one too many is closed at once and counted; room that is made is given',
  limit,
  async (t) => {
    const fixture = await front(t);
    const { value: most } = LIMITS.http_connections;
    const used = async () => {
      const { limits } = (await (await fetch(`${fixture.base}/api/limits`)).json()) as {
        limits: { limit: string; used: number }[];
      };
      return limits.find((one) => one.limit === 'http_connections')?.used ?? 0;
    };
    const held: Held[] = [];
    for (let open = await used(); open < most; open = await used()) {
      // More at once than the kernel keeps for a server would have to be sent again.
      const wave = Math.min(200, most - open);
      for (let count = 0; count < wave; count += 1) held.push(new Held(t, fixture));
      await until('the server has taken them', async () => (await used()) >= open + wave);
    }
    const late = new Held(t, fixture).ask('/health');
    await once(late.socket, 'close');
    assert.equal(late.status, undefined);
    held[0]?.socket.destroy();
    await until('there is room again', async () => {
      const next = new Held(t, fixture).ask('/health');
      const status = await until('an answer or the end', () => next.status ?? next.socket.closed);
      next.socket.destroy();
      return status === 200;
    });
    const text = await (await fetch(`${fixture.base}/metrics`)).text();
    assert.match(text, /^matrix_connections_refused_total\{.*\} [1-9]/m);
  },
);

test('request_header: a header that comes in pieces is not gathered without end', limit, async (t) => {
  const fixture = await front(t);
  const inPieces = async (bytes: number): Promise<number> => {
    const one = new Held(t, fixture);
    one.socket.setNoDelay(true);
    const head = 'GET /health HTTP/1.1\r\nHost: localhost\r\nX-Padding: ';
    one.socket.write(head);
    // The server has to have met the first piece alone.
    await new Promise((resolve) => setTimeout(resolve, 50));
    one.socket.write(`${'x'.repeat(bytes - head.length - 4)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (one.status === undefined) one.socket.write('\r\n\r\n');
    const status = await one.answer();
    one.socket.destroy();
    return status;
  };
  assert.equal(await inPieces(LIMITS.request_header.value - 100), 200);
  assert.equal(await inPieces(LIMITS.request_header.value + 100), 431);
});

test('host_chars and accepted_hosts: names that are good cannot fill the memory either', () => {
  const allowed = hostCheck([]);
  const name = (length: number) => `${'x'.repeat(length - '.localhost'.length)}.localhost`;
  assert.ok(allowed(name(LIMITS.host_chars.value)));
  assert.ok(!allowed(name(LIMITS.host_chars.value + 1)));
  for (let index = 0; index < 2 * LIMITS.accepted_hosts.value; index += 1)
    assert.ok(allowed(`h${index}.localhost`));
  assert.equal(allowed.remembered(), LIMITS.accepted_hosts.value);
});

test('token_chars and remembered_tokens: the oldest is forgotten, and still good', limit, async () => {
  const authenticator = new Authenticator(SECRET);
  const { value: most } = LIMITS.remembered_tokens;
  const header = `Bearer ${await token('viewer')}`;
  // The same token under other headers: what is remembered is the header.
  const spaced = (count: number) => header.replace(' ', ' '.repeat(count + 1));
  for (let count = 0; count <= most; count += 1) {
    await authenticator.verify(spaced(count));
    assert.ok(authenticator.size <= most);
  }
  assert.equal(authenticator.size, most);
  assert.equal(authenticator.remembered(spaced(0)), undefined);
  assert.ok(authenticator.remembered(spaced(1)));
  assert.equal((await authenticator.verify(spaced(0))).role, 'viewer');
  const padded = header.padEnd(LIMITS.token_chars.value + 1);
  await assert.rejects(authenticator.verify(padded), { code: 'MX_UNAUTHENTICATED' });
  assert.equal((await authenticator.verify(padded.slice(0, -1))).role, 'viewer');
});

test(
  'request_problems and request_problem_chars: a refusal is short, whatever was sent',
  limit,
  async (t) => {
    const fixture = await front(t);
    const headers = { ...(await bearer('admin')), 'content-type': 'application/json' };
    const fields = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [`field ${index}`.padEnd(20, 'x'), 1]),
    );
    const send = async (body: object) =>
      fetch(`${fixture.base}/api/services`, { method: 'POST', headers, body: JSON.stringify(body) });
    const many = await send(fields);
    assert.equal(many.status, 400);
    const { error } = (await many.json()) as { error: { message: string } };
    assert.match(error.message, /; and \d+ more$/);
    assert.equal(error.message.split('; ').length, LIMITS.request_problems.value + 1);
    const long = (await (await send({ ['y'.repeat(100_000)]: 1 })).json()) as { error: { message: string } };
    assert.ok(long.error.message.length < 4 * LIMITS.request_problem_chars.value);
  },
);

test('request_body and registered_config: the largest is taken, one byte more is not', limit, async (t) => {
  const fixture = await front(t);
  const headers = { ...(await bearer('admin')), 'content-type': 'application/json' };
  const post = async (text: string) =>
    (await fetch(`${fixture.base}/api/services`, { method: 'POST', headers, body: text })).status;
  const registration = (configBytes: number) =>
    JSON.stringify({
      name: `s${configBytes}`,
      family: 'http',
      config: { url: 'x'.repeat(configBytes - 10) },
    });
  const { registered_config: config, request_body: body } = LIMITS;
  assert.equal(await post(registration(config.value)), 201);
  assert.equal(await post(registration(config.value + 1)), 413);
  const small = registration(100);
  assert.equal(await post(small.padEnd(body.value)), 201);
  assert.equal(await post(small.padEnd(body.value + 1)), 413);
});
