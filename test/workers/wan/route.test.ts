import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipv4DefaultRoute, ipv6DefaultRoute } from '../../../workers/wan/route.js';

const HEADING = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
const ipv4 = (...rows: string[]) => ipv4DefaultRoute([HEADING, ...rows, ''].join('\n'));

test('the gateway is the one the kernel uses: the default route of the lowest metric', () => {
  const found = ipv4(
    'wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0',
    'eth0\t00000000\t01004D0A\t0003\t0\t0\t100\t00000000\t0\t0\t0',
    'eth0\t00004D0A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0',
  );
  assert.deepEqual(found, { kind: 'router', address: '10.77.0.1' });
});

test('a point-to-point default route has no gateway to probe; a host route or a rejecting one is no default route', () => {
  assert.deepEqual(ipv4('ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0'), {
    kind: 'link',
    device: 'ppp0',
  });
  assert.deepEqual(ipv4('*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0'), { kind: 'none' });
  assert.deepEqual(ipv4('eth0\t00000000\t0101A8C0\t0007\t0\t0\t0\tFFFFFFFF\t0\t0\t0'), { kind: 'none' });
  assert.deepEqual(ipv4(), { kind: 'none' });
  assert.deepEqual(ipv4DefaultRoute(''), { kind: 'none' });
});

test('an IPv6-only host has a gateway too, with its interface when the address is link-local', () => {
  const zeros = '0'.repeat(32);
  const row = (gateway: string, flags: string, device: string) =>
    `${zeros} 00 ${zeros} 00 ${gateway} 00000400 00000001 00000000 ${flags} ${device}`;
  const reject = row(zeros, '00200200', 'lo');
  const routed = row('fe800000000000000000000000000001', '00000003', 'eth0');
  const expected = { kind: 'router', address: 'fe80:0000:0000:0000:0000:0000:0000:0001%eth0' };
  assert.deepEqual(ipv6DefaultRoute([reject, routed, ''].join('\n')), expected);
  assert.deepEqual(ipv6DefaultRoute([reject, ''].join('\n')), { kind: 'none' });
});
