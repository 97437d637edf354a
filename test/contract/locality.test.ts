import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLocalHost } from '../../src/contract/locality.js';

const LOCAL = [
  ...[
    '127.0.0.1',
    '127.255.0.9',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.178.1',
    '169.254.10.20',
  ],
  ...[
    '100.64.0.1',
    '100.127.255.255',
    '0.0.0.0',
    '0x7f.1',
    '[::1]',
    '::1',
    '::',
    'fd12:3456::1',
    '[fc00::9]',
  ],
  ...['fe80::1', 'febf::1', 'fe80::1%eth0', '::ffff:192.168.0.1', '[::ffff:7f00:1]'],
  ...['localhost', 'LOCALHOST', 'localhost.', 'app.localhost', 'nas.local', 'nas.local.', 'db.internal'],
  ...['host.docker.internal', 'printer.home.arpa', 'db', 'Router'],
];

const PUBLIC = [
  ...[
    '1.1.1.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.169.0.1',
    '100.63.0.1',
    '100.128.0.1',
    '169.253.0.1',
    '11.0.0.1',
  ],
  ...[
    '2606:4700::1111',
    '[2001:db8::1]',
    'fec0::1',
    '::ffff:8.8.8.8',
    'e.f.example',
    'example.org',
    'example.org.',
  ],
  ...['localhost.example.org', 'internal.example', 'local.example'],
  ...['', 'not a host', '10.0.0.1.example.org'],
];

test('what is on this machine or network stays judged while the uplink is down', () => {
  for (const host of LOCAL) assert.equal(isLocalHost(host), true, host);
});

test('what is behind the uplink is not reported as failed when only the uplink is down', () => {
  for (const host of PUBLIC) assert.equal(isLocalHost(host), false, host);
});
