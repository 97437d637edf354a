import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createUplink, type Uplink } from '../../support/netns.js';
import { check, measured, verdicts } from './uplink.js';

let uplink: Uplink;
let dir: string;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'matrix-ping-'));
  uplink = await createUplink();
});

after(async () => {
  await uplink?.close();
  rmSync(dir, { recursive: true, force: true });
});

const WITHOUT_NET_RAW = ['setpriv', '--bounding-set=-net_raw'];

test('without a ping command nothing is called down: a missing package is not an outage', async () => {
  const found = await check(uplink, { path: '/nowhere' });
  assert.deepEqual(verdicts(found), {
    uplink: 'unknown uplink_unjudged',
    gateway: 'unknown ping_missing',
    internet: 'unknown ping_missing',
    dns: 'pass',
  });
  assert.equal(found.uplink.attribution?.state, 'up', 'checks over the uplink go on');
});

test('a container without NET_RAW says what is missing, whether ping has the capability on its file or not', async () => {
  const withCapability = await check(uplink, { wrapper: WITHOUT_NET_RAW });
  assert.equal(withCapability.internet.code, 'ping_denied', withCapability.internet.detail);
  assert.equal(withCapability.internet.verdict, 'unknown');
  copyFileSync(execFileSync('which', ['ping'], { encoding: 'utf8' }).trim(), join(dir, 'ping'));
  const path = `${dir}:${process.env['PATH']}`;
  const without = await check(uplink, { wrapper: WITHOUT_NET_RAW, path });
  assert.equal(without.internet.code, 'ping_denied', without.internet.detail);
  assert.equal(without.uplink.attribution?.state, 'up');
  rmSync(join(dir, 'ping'));
});

test('busybox’s ping is understood too: small container images have no other', async () => {
  symlinkSync('/bin/busybox', join(dir, 'ping'));
  const found = await check(uplink, { path: `${dir}:${process.env['PATH']}` });
  rmSync(join(dir, 'ping'));
  assert.equal(found.internet.verdict, 'pass', found.internet.detail);
  assert.ok((measured(found.internet, 'rtt') ?? -1) > 0);
});

test('the check ends within its deadline and leaves no ping behind, even one that would run for minutes', async () => {
  const target = { count: 100, echo_interval_ms: 5000 };
  const found = await check(uplink, { target, deadlineMs: 1500 });
  assert.equal(found.children, '');
  assert.ok(found.tookMs < 1500, `took ${found.tookMs} ms`);
  assert.equal(found.internet.code, 'ping_failed');
  assert.equal(found.dns.verdict, 'pass', 'what was found in time still counts');
});

test('a check that is called off (Matrix stops) blames nobody and leaves no ping behind', async () => {
  await uplink.cut('dns');
  const target = { count: 100, echo_interval_ms: 5000 };
  const found = await check(uplink, { target, deadlineMs: 600_000, calledOffAfterMs: 300 });
  await uplink.restore('dns');
  assert.equal(found.children, '');
  assert.deepEqual(verdicts(found), {
    uplink: 'unknown uplink_unjudged',
    gateway: 'unknown cancelled',
    internet: 'unknown cancelled',
    dns: 'unknown cancelled',
  });
});

/** Nobody answers the system's resolver here, and a process cannot end while it waits. */
const IMPATIENT = ['env', 'RES_OPTIONS=timeout:1 attempts:1'];

test('a target given by a name that does not resolve is not judged: the name is at fault, not the line', async () => {
  const found = await check(uplink, { target: { target: 'name.invalid' }, wrapper: IMPATIENT });
  assert.equal(found.internet.verdict, 'unknown');
  assert.equal(found.internet.code, 'name_unresolved');
});
