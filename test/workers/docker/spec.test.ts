import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DockerTarget, spec } from '../../../workers/docker/spec.js';

const overUplink = (target: Omit<DockerTarget, 'name'>) => spec.overUplink?.({ name: 'x', ...target });
const problem = (target: Omit<DockerTarget, 'name'>) => spec.check?.({ name: 'x', ...target });

test('only an engine on a public host depends on the uplink: local ones are judged while it is down', () => {
  assert.equal(overUplink({}), false);
  assert.equal(overUplink({ socket: '/run/other.sock' }), false);
  assert.equal(overUplink({ host: '192.168.1.20' }), false);
  assert.equal(overUplink({ host: 'docker.example.com' }), true);
});

test('an address that contradicts itself is refused by name before anything runs', () => {
  assert.equal(problem({}), undefined);
  assert.equal(problem({ host: '::1', port: 2375 }), undefined);
  assert.match(problem({ socket: '/a', host: 'b' }) ?? '', /^socket: /);
  assert.match(problem({ socket: '/a', port: 2375 }) ?? '', /^port: needs host/);
  assert.match(problem({ host: 'b:2375' }) ?? '', /^host: /);
  assert.match(problem({ host: 'b', cert_file: '/c' }) ?? '', /^cert_file: /);
});
