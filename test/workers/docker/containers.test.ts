import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Finding } from '../../../src/contract/result.js';
import { type Dockerd, startDockerd } from '../../support/dockerd.js';
import { check } from './context.js';

let engine: Dockerd;
let findings: ReadonlyMap<string, Finding>;

before(async () => {
  engine = await startDockerd({ tcp: 'plain' });
  await engine.run('plain');
  await engine.run('fit', { healthcheck: 'passes' });
  await engine.run('sick', { healthcheck: 'fails', prints: 'first\n\u001b[31mthe disk is full\u001b[0m' });
  await engine.run('young', { healthcheck: 'never' });
  await engine.run('matrix-blue', { healthcheck: 'fails' });
  findings = await check({ socket: engine.socket });
});

after(() => engine?.close());

test('a container that the engine calls unhealthy fails, with what its healthcheck said: the reason to be woken', () => {
  const sick = findings.get('local/sick');
  assert.equal(sick?.verdict, 'fail');
  assert.equal(sick?.code, 'container_unhealthy');
  assert.match(sick?.detail ?? '', /ended with 1 and said “.*the disk is full/);
  assert.doesNotMatch(sick?.detail ?? '', /\p{Cc}/u, 'a terminal’s colours would garble the page');
  assert.deepEqual(sick?.facts, { image: 'matrix-test/busybox:1', state: 'running', health: 'unhealthy' });
});

test('healthy containers and those without a healthcheck pass: no alert for what works', () => {
  assert.equal(findings.get('local/fit')?.verdict, 'pass');
  assert.equal(findings.get('local/fit')?.facts?.['health'], 'healthy');
  assert.equal(findings.get('local/plain')?.verdict, 'pass');
  assert.equal(findings.get('local/plain')?.facts?.['health'], 'none');
});

test('a container that is still starting warns: a deployment is neither an outage nor done', () => {
  assert.equal(findings.get('local/young')?.verdict, 'warn');
  assert.equal(findings.get('local/young')?.code, 'container_starting');
});

test('Matrix’s own containers are left out, sick or not: it does not alert about itself', () => {
  assert.deepEqual([...findings.keys()].sort(), [
    '',
    'local/fit',
    'local/plain',
    'local/sick',
    'local/young',
  ]);
});

test('the engine itself is judged with its version, response time and number of containers', async () => {
  const { Version } = await engine.docker.version();
  const own = findings.get('');
  assert.equal(own?.verdict, 'pass');
  assert.deepEqual(own?.facts, { version: Version, containers: 4 });
  const [responseTime] = own?.measurements ?? [];
  assert.equal(responseTime?.name, 'response_time');
  assert.equal(responseTime?.unit, 'ms');
  assert.ok((responseTime?.value ?? 0) > 0);
});

test('an engine on TCP is watched like one on a socket', async () => {
  assert.ok(engine.port !== undefined);
  const overTcp = await check({ host: '127.0.0.1', port: engine.port });
  const verdicts = (map: ReadonlyMap<string, Finding>) =>
    [...map].map(([service, { verdict }]) => [service, verdict]);
  assert.deepEqual(verdicts(overTcp).sort(), verdicts(findings).sort());
});

test('what a user sets in DOCKER_HOST for the docker command does not redirect the check of a configured engine', async () => {
  process.env['DOCKER_HOST'] = 'tcp://127.0.0.1:9';
  try {
    assert.equal((await check({ socket: engine.socket })).get('')?.verdict, 'pass');
  } finally {
    delete process.env['DOCKER_HOST'];
  }
});

test('a container that was removed is no longer reported, and no error', async () => {
  const gone = await engine.run('gone');
  assert.equal((await check({ socket: engine.socket })).get('local/gone')?.verdict, 'pass');
  await gone.remove({ force: true });
  const later = await check({ socket: engine.socket });
  assert.equal(later.has('local/gone'), false);
  assert.equal(later.get('')?.verdict, 'pass');
});

test('containers that come and go during the check never make it fail', async () => {
  let churning = true;
  const churn = (async () => {
    for (let round = 0; churning && round < 50; round += 1) {
      const short = await engine.run(`short-${round}`, { healthcheck: 'fails' });
      await short.remove({ force: true });
    }
  })();
  for (let round = 0; round < 40; round += 1) {
    const seen = await check({ socket: engine.socket });
    assert.equal(seen.get('')?.verdict, 'pass');
    assert.equal(seen.get('local/sick')?.verdict, 'fail');
  }
  churning = false;
  await churn;
});

test('a paused container warns, although its engine calls it unhealthy: someone froze it on purpose', async () => {
  const frozen = await engine.run('frozen', { healthcheck: 'passes' });
  await frozen.pause();
  const finding = (await check({ socket: engine.socket })).get('local/frozen');
  await frozen.remove({ force: true });
  assert.equal(finding?.verdict, 'warn');
  assert.equal(finding?.code, 'container_paused');
});

test('a container that keeps crashing warns between its starts: a crash loop shows on the board', async () => {
  const crashing = await engine.run('crashing', { crashes: true });
  let finding: Finding | undefined;
  // It alternates; the pause between two starts doubles from 100 ms, so it soon is found in one.
  for (let round = 0; round < 500 && finding?.code !== 'container_restarting'; round += 1) {
    finding = (await check({ socket: engine.socket })).get('local/crashing');
  }
  await crashing.remove({ force: true });
  assert.equal(finding?.code, 'container_restarting');
  assert.equal(finding?.verdict, 'warn');
});
