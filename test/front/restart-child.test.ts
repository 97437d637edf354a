/** Lost if this fails: an operator cannot restart a part that hangs, anybody can, or nobody knows who did. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { RestartOutcome } from '../../schema/messages.js';
import type { ErrorBody } from '../../schema/wire.js';
import { LIMITS } from '../../src/contract/limits.js';
import { MainRequests } from '../../src/front/main-requests.js';
import { until } from '../support/wait.js';
import { bearer, type Fixture, serve } from './support.js';
import { tree } from './tree-kit.js';

let fixture: Fixture;
before(async () => {
  fixture = await serve();
  fixture.front.take({ kind: 'tree', tree: tree() });
});
after(() => fixture.front.drain());

/** Asks over REST, and answers as main would. */
async function restart(child: string, outcome: RestartOutcome, headers?: Record<string, string>) {
  const asked = fixture.restarts.length;
  const answer = fetch(`${fixture.base}/matrix/api/supervisor/${encodeURIComponent(child)}/restart`, {
    method: 'POST',
    headers: headers ?? (await bearer('admin')),
  });
  const request = await Promise.race([
    answer.then(() => undefined),
    until('the question to main', () => fixture.restarts[asked]),
  ]);
  if (request !== undefined) {
    assert.equal(request.child, child);
    fixture.front.take({ kind: 'child_restarted', request: request.request, outcome });
  }
  const response = await answer;
  const body = (await response.json()) as ErrorBody & { child: string; outcome: string; message: string };
  return { status: response.status, wasAsked: request !== undefined, ...body };
}

test('an admin restarts a child by its id, colons and all, and hears what became of it', async () => {
  const done = await restart('probe:http', 'restarted');
  assert.deepEqual(
    [done.status, done.child, done.outcome, done.message],
    [200, 'probe:http', 'restarted', 'probe:http was restarted.'],
  );
  assert.match((await restart('family:http', 'started')).message, /was started now/);
  assert.match((await restart('front', 'restarting')).message, /is being restarted/);
});

test('every restart is in the audit log with who wanted it, and so is every refusal', async () => {
  await restart('writer', 'restarted');
  await restart('writer', 'restarted', await bearer('member'));
  const audited = fixture.logLines
    .filter((line) => line.includes('"audit":true') && line.includes('restart_child'))
    .map((line) => JSON.parse(line) as { subject: string; message: string; input?: { child: string } });
  assert.ok(audited.some(({ subject, input }) => subject === 'a admin' && input?.child === 'writer'));
  assert.ok(audited.some(({ subject, message }) => subject === 'a member' && message.includes('refused')));
});

test('nobody else may: main is not even asked', async () => {
  const anonymous = await restart('writer', 'restarted', {});
  assert.deepEqual([anonymous.status, anonymous.wasAsked], [401, false]);
  for (const role of ['viewer', 'member'] as const) {
    const refused = await restart('writer', 'restarted', await bearer(role));
    assert.deepEqual([refused.status, refused.wasAsked], [403, false]);
    assert.match(refused.error.message, /needs the role admin/);
  }
});

test('an id that is not there is refused with the nearest one; a supervisor with its children', async () => {
  const near = await restart('probe:htp', 'unknown');
  assert.deepEqual(
    [near.status, near.error.code, near.error.message],
    [404, 'MX_NOT_FOUND', 'There is no child "probe:htp"; did you mean probe:http?'],
  );
  assert.equal(
    (await restart('nothing alike', 'unknown')).error.message,
    'There is no child "nothing alike"',
  );
  const root = await restart('families', 'unknown');
  assert.equal(root.status, 400);
  assert.match(root.error.message, /is a supervisor .* writer, front, family:http, probe:http$/);
});

test('a child that is not meant to run is not started behind the back of its supervisor', async () => {
  const refused = await restart('writer', 'not_wanted');
  assert.deepEqual([refused.status, refused.error.code], [503, 'MX_NOT_READY']);
});

test('a main thread that does not answer is a coded error, and a late answer harms nobody', async () => {
  const asked: string[] = [];
  const requests = new MainRequests(({ request }) => void asked.push(request), 50);
  await assert.rejects(requests.restartChild('writer'), { code: 'MX_SUPERVISOR_SILENT' });
  const next = requests.restartChild('writer');
  requests.answered(asked[0] ?? '', 'unknown');
  requests.answered(asked[1] ?? '', 'restarted');
  assert.equal(await next, 'restarted');
});

test('only so many restarts can wait for an answer', async () => {
  const asked: string[] = [];
  const requests = new MainRequests(({ request }) => void asked.push(request));
  const { value: most } = LIMITS.waiting_restarts;
  const waiting = Array.from({ length: most }, () => requests.restartChild('writer'));
  assert.throws(() => requests.restartChild('writer'), { code: 'MX_NOT_READY' });
  for (const request of asked) requests.answered(request, 'restarted');
  await Promise.all(waiting);
  assert.equal(asked.length, most);
  const after = requests.restartChild('writer');
  requests.answered(asked.at(-1) ?? '', 'started');
  assert.equal(await after, 'started', 'whoever was answered still takes a place');
});
