/**
 * A real Docker engine that belongs to the test: its own data, sockets, containerd and cgroup, no network, no
 * image but one made of busybox. Needs root and Debian's docker.io and busybox-static.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { sweep } from './dockerd-sweep.js';
import { lastResort } from './last-resort.js';

const DOCKERD = '/usr/sbin/dockerd';
const BUSYBOX = '/bin/busybox';
const IMAGE = 'matrix-test/busybox:1';
const SECOND_NS = 1e9;
const STOP_WITHIN_MS = 10_000;

export interface DockerdOptions {
  /** Listen on 127.0.0.1 as well; with TLS and client certificates when PEM files are given. */
  readonly tcp?: 'plain' | { readonly ca: string; readonly cert: string; readonly key: string };
}

export interface ContainerOptions {
  /** `never`: its first healthcheck is an hour away, so it stays `starting`. */
  readonly healthcheck?: 'passes' | 'fails' | 'never';
  /** What a failing healthcheck prints; default nothing. */
  readonly prints?: string;
  /** It exits at once and is started again, for ever. */
  readonly crashes?: boolean;
}

export interface Dockerd {
  readonly socket: string;
  /** Undefined without `tcp`. */
  readonly port: number | undefined;
  readonly docker: Docker;
  /** Starts a container; resolves once its healthcheck, if it has one that runs, has been judged. */
  run(name: string, options?: ContainerOptions): Promise<Docker.Container>;
  /** SIGKILL, as the OOM killer would do it. */
  kill(): Promise<void>;
  /** Starts the engine again after `kill`, on the same data and socket. */
  restart(): Promise<void>;
  /** Stops everything and removes every trace; may be called twice, and after a failure. */
  close(): Promise<void>;
}

/** Starts an engine and loads its image; rejects with what to do when a part of it is missing. */
export async function startDockerd(options: DockerdOptions = {}): Promise<Dockerd> {
  requireParts();
  const root = mkdtempSync(join(tmpdir(), 'matrix-dockerd-'));
  const cgroup = basename(root);
  const socket = join(root, 'engine.sock');
  const docker = new Docker({ socketPath: socket, host: undefined, protocol: 'http' });
  const forget = lastResort(() => sweep(root, cgroup));
  let engine: Engine | undefined;

  const close = async () => {
    if (engine?.child.exitCode === null && engine.child.signalCode === null) await stop(engine.child, docker);
    sweep(root, cgroup);
    forget();
  };
  const start = async () => {
    engine = await startEngine(root, cgroup, options);
  };
  try {
    await start();
    await loadImage(docker, root);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    socket,
    docker,
    get port() {
      return engine?.port;
    },
    run: (name, wanted = {}) => runContainer(docker, name, wanted),
    kill: async () => {
      if (engine !== undefined) await end(engine.child, 'SIGKILL');
    },
    restart: start,
    close,
  };
}

function requireParts(): void {
  const missing = [DOCKERD, BUSYBOX].filter((path) => !existsSync(path));
  if (missing.length > 0) throw new Error(`${missing.join(' and ')} missing: run ops/test-deps.sh first`);
  if (process.getuid?.() !== 0) throw new Error('a private Docker engine needs root: run this test as root');
}

interface Engine {
  readonly child: ChildProcess;
  readonly port: number | undefined;
}

async function startEngine(root: string, cgroup: string, { tcp }: DockerdOptions): Promise<Engine> {
  // Without a file of its own it would read the host's /etc/docker/daemon.json.
  writeFileSync(join(root, 'daemon.json'), '{}');
  // A killed engine takes its containerd along; under an init that reaps late, the new engine would take the
  // zombie named in this file for a running containerd and wait for it in vain.
  rmSync(join(root, 'exec', 'containerd', 'containerd.pid'), { force: true });
  const flags = [
    `--config-file=${join(root, 'daemon.json')}`,
    `--data-root=${join(root, 'data')}`,
    `--exec-root=${join(root, 'exec')}`,
    `--pidfile=${join(root, 'engine.pid')}`,
    `--host=unix://${join(root, 'engine.sock')}`,
    ...tcpFlags(tcp),
    '--bridge=none',
    '--iptables=false',
    '--ip6tables=false',
    '--ip-forward=false',
    '--ip-masq=false',
    '--storage-driver=vfs',
    '--exec-opt=native.cgroupdriver=cgroupfs',
    `--cgroup-parent=/${cgroup}`,
    '--shutdown-timeout=3',
  ];
  const child = spawn(DOCKERD, flags, { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    return { child, port: await listening(child, tcp === undefined ? 1 : 2) };
  } catch (error) {
    await end(child, 'SIGKILL');
    throw error;
  }
}

function tcpFlags(tcp: DockerdOptions['tcp']): string[] {
  if (tcp === undefined) return [];
  // Port 0: the engine takes a free one and logs which.
  if (tcp === 'plain') return ['--host=tcp://127.0.0.1:0', '--tls=false'];
  const files = [`--tlscacert=${tcp.ca}`, `--tlscert=${tcp.cert}`, `--tlskey=${tcp.key}`];
  return ['--host=tcp://127.0.0.1:0', '--tlsverify', ...files];
}

/** Resolves with the TCP port, if any, when the engine has said of `listeners` addresses that it listens. */
async function listening(child: ChildProcess, listeners: number): Promise<number | undefined> {
  if (child.stderr === null) throw new Error('the engine was started without a log');
  const log: string[] = [];
  let port: number | undefined;
  let heard = 0;
  const lines = createInterface({ input: child.stderr });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      // Reading on for the engine's whole life keeps its pipe from filling up.
      if (heard >= listeners) return;
      log.push(line);
      const address = /API listen on ([^"]+)/.exec(line)?.[1];
      if (address === undefined) return;
      port = Number(/:(\d+)$/.exec(address)?.[1] ?? port) || undefined;
      heard += 1;
      if (heard === listeners) resolve();
    });
    child.once('error', reject);
    child.once('exit', () =>
      reject(new Error(`dockerd ended while starting:\n${log.slice(-10).join('\n')}`)),
    );
  });
  return port;
}

async function stop(child: ChildProcess, docker: Docker): Promise<void> {
  // Stopping the engine with containers in it would wait for each of them to ignore SIGTERM.
  const containers = await docker.listContainers({ all: true }).catch(() => []);
  await Promise.allSettled(containers.map(({ Id }) => docker.getContainer(Id).remove({ force: true })));
  const impatient = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await end(child, 'SIGTERM');
  clearTimeout(impatient);
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

async function loadImage(docker: Docker, root: string): Promise<void> {
  const bin = join(root, 'image', 'bin');
  mkdirSync(bin, { recursive: true });
  cpSync(BUSYBOX, join(bin, 'busybox'));
  for (const applet of ['sh', 'sleep', 'true', 'false', 'echo']) symlinkSync('busybox', join(bin, applet));
  const tar = execFileSync('tar', ['-C', join(root, 'image'), '-cf', '-', '.'], { maxBuffer: 64 << 20 });
  const [repo, tag] = IMAGE.split(':');
  const answer = await docker.importImage(Readable.from([tar]), { repo, tag });
  // The engine has the image when its answer ends.
  for await (const _ of answer);
}

async function runContainer(
  docker: Docker,
  name: string,
  wanted: ContainerOptions,
): Promise<Docker.Container> {
  const container = await docker.createContainer({
    name,
    Image: IMAGE,
    Cmd: wanted.crashes === true ? ['/bin/false'] : ['/bin/sleep', '3600'],
    // As process 1 it ignores SIGTERM, and an engine that starts again stops what the killed one left running.
    StopSignal: 'SIGKILL',
    HostConfig: {
      NetworkMode: 'none',
      RestartPolicy: { Name: wanted.crashes === true ? 'always' : 'no' },
    },
    ...healthcheck(wanted),
  });
  const judged = wanted.healthcheck === 'passes' || wanted.healthcheck === 'fails';
  const events = await docker.getEvents({ filters: { container: [name], event: ['health_status'] } });
  const firstJudgement = judged ? once(events, 'data') : Promise.resolve();
  try {
    await Promise.all([container.start(), firstJudgement]);
  } finally {
    if (events instanceof Readable) events.destroy();
  }
  return container;
}

function healthcheck({
  healthcheck: wanted,
  prints,
}: ContainerOptions): Pick<Docker.ContainerCreateOptions, 'Healthcheck'> {
  if (wanted === undefined) return {};
  const failing = ['CMD', '/bin/sh', '-c', 'echo "$0"; exit 1', prints ?? ''];
  return {
    Healthcheck: {
      Test: wanted === 'fails' ? failing : ['CMD', '/bin/true'],
      Interval: wanted === 'never' ? 3600 * SECOND_NS : SECOND_NS,
      Timeout: 30 * SECOND_NS,
      Retries: 1,
    },
  };
}
