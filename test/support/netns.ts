/**
 * An uplink that belongs to the test: three network namespaces in a row, with nothing beyond them. Matrix runs in
 * `lan`; `router` forwards; `internet` holds the anycast address and a real DNS server. Needs root and Debian's
 * iproute2, iputils-ping, iptables, procps and dnsmasq-base.
 *
 *     lan 10.77.0.2 ── 10.77.0.1 router 198.51.100.2 ── 198.51.100.1 internet (192.0.2.1, DNS 192.0.2.53)
 */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { lastResort } from './last-resort.js';

const PLACES = ['lan', 'router', 'internet'] as const;
type Place = (typeof PLACES)[number];

/**
 * What can be cut: `link` (the machine's own interface goes down, and its routes with it), `gateway` (the router's
 * side of it: the routes stay, nobody answers), `gateway_icmp` (the router forwards but ignores echo requests),
 * `internet` (the router's line to the provider), `dns` (the name server hangs).
 */
export type Part = 'link' | 'gateway' | 'gateway_icmp' | 'internet' | 'dns';

export interface Uplink {
  /** Name of the namespace in which Matrix runs. */
  readonly lan: string;
  /** Name of the namespace across the uplink, where servers can be started. */
  readonly far: string;
  /** Addresses, as seen from there. */
  readonly gateway: string;
  readonly internet: string;
  readonly dns: string;
  cut(part: Part): Promise<void>;
  restore(part: Part): Promise<void>;
  /** Loses this share of the packets from the lan to the internet, at random; 0 ends it. */
  lose(percent: number): Promise<void>;
  /** Starts an HTTP server on the internet's address that answers 200 to everything; it ends with the uplink. */
  serve(port: number): Promise<void>;
  /** Runs a command in the lan. The caller waits for its end. */
  exec(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Removes every trace; may be called twice, and after a failure. */
  close(): Promise<void>;
}

/** A name that the DNS server knows; it says of `nx.test` that it does not exist, and refuses every other. */
export const KNOWN_NAME = 'google.com';

const GATEWAY = '10.77.0.1';
const ANYCAST = '192.0.2.1';
const DNS = '192.0.2.53';

let created = 0;

/** Builds the uplink; rejects with what to do when a part of it is missing. */
export async function createUplink(): Promise<Uplink> {
  requireParts();
  created += 1;
  const prefix = `matrix-${process.pid}-${created}`;
  const names: Record<Place, string> = {
    lan: `${prefix}-lan`,
    router: `${prefix}-router`,
    internet: `${prefix}-internet`,
  };
  const forget = lastResort(() => removeAll(Object.values(names)));
  const close = async () => {
    removeAll(Object.values(names));
    forget();
  };
  try {
    build(names);
    const nameServer = await startNameServer(names.internet);
    return uplinkOf(names, nameServer, close);
  } catch (error) {
    await close();
    throw error;
  }
}

function requireParts(): void {
  const commands = ['ip', 'tc', 'ping', 'iptables', 'sysctl', 'dnsmasq'];
  const folders = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  const missing = commands.filter((command) => !folders.some((folder) => existsSync(`${folder}/${command}`)));
  if (missing.length > 0) throw new Error(`${missing.join(', ')} missing: run ops/test-deps.sh first`);
  if (process.getuid?.() !== 0) throw new Error('network namespaces need root: run this test as root');
}

function run(command: string, line: string): void {
  execFileSync(command, line.split(' '), { stdio: 'pipe' });
}

function ip(namespace: string, line: string): void {
  run('ip', `-n ${namespace} ${line}`);
}

function inside(namespace: string, line: string): void {
  run('ip', `netns exec ${namespace} ${line}`);
}

function build({ lan, router, internet }: Record<Place, string>): void {
  for (const namespace of [lan, router, internet]) {
    run('ip', `netns add ${namespace}`);
    ip(namespace, 'link set lo up');
  }
  // Both ends are made inside, so that no name can clash with an interface of the host.
  ip(lan, `link add up0 type veth peer name lan0 netns ${router}`);
  ip(router, `link add wan0 type veth peer name up0 netns ${internet}`);
  ip(lan, 'addr add 10.77.0.2/24 dev up0');
  ip(router, `addr add ${GATEWAY}/24 dev lan0`);
  ip(router, 'addr add 198.51.100.2/30 dev wan0');
  ip(internet, 'addr add 198.51.100.1/30 dev up0');
  ip(internet, `addr add ${ANYCAST}/32 dev lo`);
  ip(internet, `addr add ${DNS}/32 dev lo`);
  ip(router, 'link set lan0 up');
  ip(internet, 'link set up0 up');
  inside(router, 'sysctl -q -w net.ipv4.ip_forward=1');
  upLan(lan);
  upWan(router);
  ip(internet, 'route add 10.77.0.0/24 via 198.51.100.2');
}

/** Taking an interface down takes its routes along. */
function upLan(lan: string): void {
  ip(lan, 'link set up0 up');
  ip(lan, `route replace default via ${GATEWAY}`);
}

function upWan(router: string): void {
  ip(router, 'link set wan0 up');
  ip(router, 'route replace default via 198.51.100.1');
}

async function startNameServer(namespace: string): Promise<ChildProcess> {
  const flags = [
    ['--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--no-hosts', '--no-resolv'],
    ['--log-facility=-', '--bind-interfaces', `--listen-address=${DNS}`],
    [`--address=/${KNOWN_NAME}/${ANYCAST}`, '--local=/nx.test/'],
  ].flat();
  const args = ['netns', 'exec', namespace, 'dnsmasq', ...flags];
  const server = spawn('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const heard: string[] = [];
  const lines = createInterface({ input: server.stderr });
  await new Promise<void>((resolve, reject) => {
    // It logs its first line once it has bound its sockets.
    lines.on('line', (line) => {
      heard.push(line);
      if (line.includes('started')) resolve();
    });
    server.once('error', reject);
    server.once('exit', () => reject(new Error(`dnsmasq ended while starting: ${heard.join('; ')}`)));
  });
  return server;
}

function uplinkOf(
  names: Record<Place, string>,
  nameServer: ChildProcess,
  close: () => Promise<void>,
): Uplink {
  const { lan, router } = names;
  const parts: Readonly<Record<Part, { cut(): void; restore(): void }>> = {
    link: { cut: () => ip(lan, 'link set up0 down'), restore: () => upLan(lan) },
    gateway: { cut: () => ip(router, 'link set lan0 down'), restore: () => ip(router, 'link set lan0 up') },
    gateway_icmp: {
      cut: () => inside(router, 'sysctl -q -w net.ipv4.icmp_echo_ignore_all=1'),
      restore: () => inside(router, 'sysctl -q -w net.ipv4.icmp_echo_ignore_all=0'),
    },
    internet: { cut: () => ip(router, 'link set wan0 down'), restore: () => upWan(router) },
    dns: { cut: () => void nameServer.kill('SIGSTOP'), restore: () => void nameServer.kill('SIGCONT') },
  };
  return {
    lan,
    far: names.internet,
    gateway: GATEWAY,
    internet: ANYCAST,
    dns: DNS,
    cut: async (part) => parts[part].cut(),
    restore: async (part) => parts[part].restore(),
    lose: async (percent) => lose(router, percent),
    serve: (port) => serve(names.internet, port),
    exec: (command, args, options = {}) => spawn('ip', ['netns', 'exec', lan, command, ...args], options),
    close: async () => {
      const running = nameServer.exitCode === null && nameServer.signalCode === null;
      const ended = running ? once(nameServer, 'exit') : undefined;
      await close();
      await ended;
    },
  };
}

async function serve(namespace: string, port: number): Promise<void> {
  const script = `require('node:http').createServer((q, s) => s.end('ok')).listen(${port}, '${ANYCAST}', () => console.log('up'))`;
  const server = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(server.stdout, 'data');
}

/** netem where the kernel has it; else the packet filter, which drops at random by the same law. */
function lose(router: string, percent: number): void {
  const netem = (verb: string) =>
    spawnSync('ip', [
      'netns',
      'exec',
      router,
      'tc',
      'qdisc',
      verb,
      'dev',
      'wan0',
      'root',
      ...(verb === 'del' ? [] : ['netem', 'loss', `${percent}%`]),
    ]);
  inside(router, 'iptables -F FORWARD');
  if (percent === 0) {
    netem('del');
    return;
  }
  if (netem('replace').status === 0) return;
  const rule = `iptables -A FORWARD -o wan0 -m statistic --mode random --probability ${percent / 100} -j DROP`;
  inside(router, rule);
}

/** Ends what still runs in the namespaces, then deletes them; their interfaces go along. */
function removeAll(namespaces: readonly string[]): void {
  for (const namespace of namespaces) {
    const { stdout } = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
    for (const pid of (stdout ?? '')
      .split('\n')
      .map(Number)
      .filter((found) => found > 0))
      kill(pid);
    spawnSync('ip', ['netns', 'del', namespace]);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended between being listed and being killed.
  }
}
