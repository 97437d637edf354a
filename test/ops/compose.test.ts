/** If these fail, an operator gets a deployment with open ports, colliding names, or more rights than it needs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ENV_KEYS, OTHER_VARIABLES, WAN_KEYS } from '../../src/config/environment.js';
import { PACKAGE_ROOT } from '../../src/config/paths.js';
import { composeText, readCompose, requiredVariables } from './compose-file.js';

const SECRETS = { MATRIX_DB_PASSWORD: 'p', MATRIX_JWT_SECRET: 's', MATRIX_DOCKER_GID: '999' };
const file = readCompose(SECRETS);
const { blue, green, postgres, selector } = file.services;

describe('compose.yaml', () => {
  test('publishes the four ports of the contract, and nothing beyond this machine', () => {
    const published = Object.values(file.services).flatMap(({ ports = [] }) => ports);
    assert.deepEqual(published.sort(), [
      '127.0.0.1:3901:5432',
      '127.0.0.1:3910:3910',
      '127.0.0.1:3911:3910',
      '127.0.0.1:3912:3912',
    ]);
    const open = readCompose({ ...SECRETS, MATRIX_BIND: '0.0.0.0' });
    assert.deepEqual(open.services['selector']?.ports, ['127.0.0.1:3912:3912'], 'the selector never opens');
    assert.deepEqual(open.services['postgres']?.ports, ['127.0.0.1:3901:5432'], 'nor does the database');
  });

  test('names containers, networks and volumes by the standard, and labels every service', () => {
    for (const [name, service] of Object.entries(file.services)) {
      assert.equal(service.container_name, `${file.name}-${name}`);
      assert.deepEqual(Object.keys(service.labels).sort(), ['phase', 'service', 'tier']);
      assert.equal(service.labels['service'], name);
    }
    assert.equal(file.networks['net']?.name, 'matrix_net');
    for (const network of Object.values(file.networks)) assert.match(network.name, /^matrix_([a-z]+_)?net$/);
    for (const [key, { name }] of Object.entries(file.volumes)) {
      assert.equal(name, key);
      assert.ok(Object.keys(file.services).includes(name.replace(/_data$/, '')), `${name} is of no service`);
    }
  });

  test('refuses to start without the secrets, and has no default for them', () => {
    assert.deepEqual(
      requiredVariables(),
      new Set(['MATRIX_DB_PASSWORD', 'MATRIX_JWT_SECRET', 'MATRIX_DOCKER_GID']),
    );
    for (const name of ['MATRIX_DB_PASSWORD', 'MATRIX_JWT_SECRET'] as const) {
      assert.throws(() => readCompose({ ...SECRETS, [name]: '' }), new RegExp(name));
      assert.doesNotMatch(composeText(), new RegExp(`\\$\\{${name}(:-|\\})`));
    }
  });

  test('gives the colours the same everything, except their colour, port and volume', () => {
    const same = (service: typeof blue) => {
      const { MATRIX_DEPLOY_COLOR: _, ...environment } = service?.environment ?? {};
      return { ...service, environment, container_name: '', ports: [], volumes: [], labels: {} };
    };
    assert.deepEqual(same(blue), same(green));
    assert.equal(blue?.environment?.['MATRIX_DEPLOY_COLOR'], 'blue');
    assert.equal(green?.environment?.['MATRIX_DEPLOY_COLOR'], 'green');
  });

  test('gives Matrix NET_RAW and no other privilege, no root, and no disk but its volume', () => {
    for (const colour of [blue, green]) {
      assert.deepEqual([colour?.cap_drop, colour?.cap_add], [['ALL'], ['NET_RAW']]);
      assert.equal(colour?.privileged, undefined);
      assert.equal(colour?.user, '1000:1000');
      assert.equal(colour?.read_only, true);
      assert.deepEqual(colour?.group_add, ['999']);
      assert.ok(colour?.extra_hosts?.includes('host.docker.internal:host-gateway'));
      assert.ok(colour?.volumes?.includes('/var/run/docker.sock:/var/run/docker.sock:ro'));
      // It would take the capability away from ping again.
      assert.equal(colour?.security_opt, undefined);
    }
  });

  test('has a healthcheck that asks readiness, and time to drain', () => {
    assert.match(blue?.healthcheck?.test.join(' ') ?? '', /node -e .*\/health\/ready/);
    // Matrix cuts itself off after 45 s.
    assert.ok(Number.parseInt(blue?.stop_grace_period ?? '0', 10) > 45);
  });

  test('leaves the alias to swap.sh, and the database out of the selector’s reach', () => {
    for (const service of Object.values(file.services)) assert.ok(Array.isArray(service.networks));
    assert.deepEqual(selector?.networks, ['net']);
    assert.deepEqual(postgres?.networks, ['data']);
    const caddyfile = readFileSync(join(PACKAGE_ROOT, 'ops', 'Caddyfile'), 'utf8');
    assert.match(caddyfile, /reverse_proxy matrix-mcp:3910 \{/);
  });

  test('passes on only variables that Matrix knows, and .env.example explains each that it takes', () => {
    const known = [...Object.keys(ENV_KEYS), ...Object.keys(WAN_KEYS), ...Object.keys(OTHER_VARIABLES)];
    for (const name of Object.keys(blue?.environment ?? {})) assert.ok(known.includes(name), name);
    const taken = [...composeText().matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
    const example = readFileSync(join(PACKAGE_ROOT, 'ops', '.env.example'), 'utf8');
    const explained = [...example.matchAll(/^(\w+)=/gm)].map(([, name]) => name);
    assert.deepEqual(new Set(explained), new Set(taken));
    assert.match(example, /^MATRIX_DB_PASSWORD=$/m, 'an example must not hold a password that works');
  });
});
