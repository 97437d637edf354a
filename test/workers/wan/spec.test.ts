import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { spec, type WanTarget } from '../../../workers/wan/spec.js';

const DEFAULTS: WanTarget = {
  name: 'wan',
  target: '1.1.1.1',
  dns_host: 'google.com',
  count: 3,
  echo_interval_ms: 200,
  loss_warn_percent: 20,
};
const problem = (change: Partial<WanTarget>) => spec.check?.({ ...DEFAULTS, ...change });
const validate = new Ajv().compile(spec.schema);
const fits = (change: object) => validate({ ...DEFAULTS, ...change });

test('an address can never become an option of the ping command', () => {
  assert.equal(fits({ gateway: '10.0.0.1', target: 'one.one.one.one' }), true);
  assert.equal(fits({ gateway: 'fe80::1%eth0' }), true);
  for (const evil of ['-f', '--help', '', 'a b', 'a;b', '$(b)', 'a\nb', '.a']) {
    assert.equal(fits({ gateway: evil }), false, evil);
    assert.equal(fits({ target: evil }), false, evil);
  }
});

test('echoes that cannot be done within the timeout are refused at load, not cut off at every check', () => {
  assert.equal(problem({}), undefined);
  assert.match(problem({ count: 50 }) ?? '', /^count: /);
  assert.equal(problem({ count: 50, timeout_s: 12 }), undefined);
});

test('a name server is an address, with a port if need be', () => {
  for (const good of ['192.0.2.53', '192.0.2.53:5353', '2001:db8::53', '[2001:db8::53]:53']) {
    assert.equal(problem({ dns_server: good }), undefined, good);
  }
  for (const bad of ['dns.example', '192.0.2.53:', '192.0.2.53:99999', '[192.0.2.53', '192.0.2:53']) {
    assert.match(problem({ dns_server: bad }) ?? '', /^dns_server: /, bad);
  }
});
