import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { createUplink, type Part, type Uplink } from '../../support/netns.js';
import { check, explained, measured, verdicts } from './uplink.js';

let uplink: Uplink;
let cutParts: Part[] = [];

before(async () => {
  uplink = await createUplink();
});

afterEach(async () => {
  for (const part of cutParts) await uplink.restore(part);
  cutParts = [];
  await uplink.lose(0);
});

after(() => uplink?.close());

async function cut(part: Part): Promise<void> {
  cutParts.push(part);
  await uplink.cut(part);
}

/** A name server that does not answer uses up all the time there is; this is enough for ping on a busy machine. */
const SHORT = { deadlineMs: 6000 };

test('all up: everything passes and is measured, and nothing holds other checks back', async () => {
  const found = await check(uplink);
  assert.deepEqual(verdicts(found), { uplink: 'pass', gateway: 'pass', internet: 'pass', dns: 'pass' });
  assert.equal(found.uplink.attribution?.state, 'up');
  for (const leg of [found.gateway, found.internet]) {
    assert.ok((measured(leg, 'rtt') ?? -1) > 0);
    assert.equal(measured(leg, 'loss'), 0);
  }
  assert.ok((measured(found.dns, 'resolve_time') ?? -1) > 0);
  assert.equal(found.dns.facts?.['address'], uplink.internet);
});

test('gateway up, internet down: one alert, a warning that names the provider, with both sides’ evidence', async () => {
  await cut('internet');
  const found = await check(uplink, SHORT);
  assert.deepEqual(verdicts(found), {
    uplink: 'fail isp_fault',
    gateway: 'pass',
    internet: 'fail no_reply',
    dns: 'fail dns_timeout',
  });
  assert.equal(found.uplink.severity, 'warning');
  assert.equal(found.uplink.attribution?.state, 'down');
  assert.equal(found.uplink.attribution?.cause, 'isp_fault');
  assert.match(
    found.uplink.detail,
    /^ISP fault: the gateway 10\.77\.0\.1 answers in <?[\d.]+ ms, 192\.0\.2\.1 does not answer \(3 of 3 lost\)$/,
  );
  assert.deepEqual(explained(found), [undefined, 'uplink', 'uplink']);
});

test('both down: the fault is on this side of the router, an error, and it explains all three', async () => {
  await cut('gateway');
  const found = await check(uplink, SHORT);
  assert.deepEqual(verdicts(found), {
    uplink: 'fail local_link_fault',
    gateway: 'fail no_reply',
    internet: 'fail no_reply',
    dns: 'fail dns_timeout',
  });
  assert.equal(found.uplink.severity, 'error');
  assert.equal(found.uplink.attribution?.cause, 'local_link_fault');
  assert.deepEqual(explained(found), ['uplink', 'uplink', 'uplink']);
});

test('only DNS down: said as such, and checks that need no name are not held back', async () => {
  await cut('dns');
  const found = await check(uplink, SHORT);
  assert.deepEqual(verdicts(found), {
    uplink: 'warn dns_fault',
    gateway: 'pass',
    internet: 'pass',
    dns: 'fail dns_timeout',
  });
  assert.equal(found.uplink.attribution?.state, 'up');
  assert.deepEqual(
    explained(found),
    [undefined, undefined, undefined],
    'the DNS failure has an alert of its own',
  );
});

test('30 % loss: a warning with the share that was lost, not an outage', async () => {
  await uplink.lose(30);
  // Of 40 echoes none or more than 30 get lost about once in a million runs.
  const found = await check(uplink, { target: { count: 40, loss_warn_percent: 1 }, deadlineMs: 30_000 });
  assert.equal(found.gateway.verdict, 'pass');
  assert.equal(found.internet.verdict, 'warn');
  assert.equal(found.internet.code, 'packet_loss');
  const loss = measured(found.internet, 'loss') ?? 0;
  assert.ok(loss > 0 && loss <= 75, `${loss} % lost`);
  assert.ok((measured(found.internet, 'rtt') ?? -1) > 0);
  assert.equal(found.uplink.attribution?.state, 'up');
});

test('loss below the threshold is not worth a warning, but is measured', async () => {
  await uplink.lose(30);
  const found = await check(uplink, { target: { count: 40, loss_warn_percent: 99 }, deadlineMs: 30_000 });
  assert.equal(found.internet.verdict, 'pass');
  assert.ok((measured(found.internet, 'loss') ?? 0) > 0);
});

test('the machine’s own interface down: no route is a local fault, found at once', async () => {
  await cut('link');
  const found = await check(uplink);
  assert.deepEqual(verdicts(found), {
    uplink: 'fail local_link_fault',
    gateway: 'fail no_route',
    internet: 'fail no_route',
    dns: 'fail dns_unreachable',
  });
});

test('without a configured gateway the default route names it; without a default route that is the fault', async () => {
  const found = await check(uplink, { findGateway: true });
  assert.equal(found.gateway.verdict, 'pass');
  assert.equal(found.gateway.facts?.['address'], uplink.gateway);
  await cut('link');
  const without = await check(uplink, { findGateway: true });
  assert.equal(without.gateway.code, 'no_route');
  assert.match(without.uplink.detail, /^Local link or Wi-Fi fault: this machine has no default route, /);
});

test('a router that ignores ICMP while the internet answers is no outage; only its own check fails', async () => {
  await cut('gateway_icmp');
  const found = await check(uplink);
  assert.deepEqual(verdicts(found), {
    uplink: 'pass',
    gateway: 'fail no_reply',
    internet: 'pass',
    dns: 'pass',
  });
  assert.equal(found.uplink.attribution?.state, 'up');
  assert.deepEqual(explained(found), [undefined, undefined, undefined]);
});

test('a name that does not exist and a server that refuses are told apart from one that is silent', async () => {
  assert.equal((await check(uplink, { target: { dns_host: 'a.nx.test' } })).dns.code, 'dns_nxdomain');
  assert.equal((await check(uplink, { target: { dns_host: 'refused.test' } })).dns.code, 'dns_refused');
});

test('a restored uplink passes again: the outage ends', async () => {
  await cut('link');
  assert.equal((await check(uplink)).uplink.verdict, 'fail');
  await uplink.restore('link');
  assert.equal((await check(uplink)).uplink.verdict, 'pass');
});
