import { readFile } from 'node:fs/promises';
import Docker from 'dockerode';
import { messageOf } from '../../src/contract/errors.js';
import { EngineConfigError } from './failure.js';
import { DEFAULT_SOCKET, type DockerTarget } from './spec.js';

export type Health = 'none' | 'starting' | 'healthy' | 'unhealthy';

/** One running container as the engine lists it. */
export interface Container {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  /** `running`, `paused` or `restarting`: the engine counts all three as running. */
  readonly state: string;
  readonly health: Health;
}

/** What a healthcheck last said. */
export interface HealthLine {
  readonly line: string;
  readonly exitCode: number;
}

/** The engine's address for people. */
export function addressOf(target: DockerTarget): string {
  if (target.host === undefined) return target.socket ?? DEFAULT_SOCKET;
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  return `${usesTls(target) ? 'https' : 'tcp'}://${host}:${portOf(target)}`;
}

function usesTls(target: DockerTarget): boolean {
  return target.ca_file !== undefined || target.cert_file !== undefined;
}

function portOf(target: DockerTarget): number {
  return target.port ?? (usesTls(target) ? 2376 : 2375);
}

/**
 * A client for one check. It owns no socket (Node's global agent pools them and drops idle ones after 5 s) and
 * costs about 1 µs, so keeping one would only mean a stale certificate and a map entry per removed engine.
 * Every field is given, also as undefined: left out, the driver would fill it from DOCKER_HOST and friends.
 */
export async function connect(target: DockerTarget): Promise<Docker> {
  const tls = usesTls(target);
  const [ca, cert, key] = await Promise.all(
    [target.ca_file, target.cert_file, target.key_file].map((file) => readPem(file)),
  );
  return new Docker({
    socketPath: target.host === undefined ? addressOf(target) : undefined,
    host: target.host,
    port: target.host === undefined ? undefined : portOf(target),
    protocol: tls ? 'https' : 'http',
    ca,
    cert,
    key,
    timeout: undefined,
  });
}

async function readPem(file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file);
  } catch (error) {
    throw new EngineConfigError(`the TLS file ${file} cannot be read: ${messageOf(error)}`);
  }
}

/**
 * The running containers with their health, in a fixed number of calls however many there are. A plain listing
 * carries the health only inside its `Status` sentence ("Up 3 minutes (unhealthy)"), which is wording and not
 * an interface, and an inspect per container would be hundreds of calls. The `health` filter is an interface
 * (API 1.25 and later, also Podman's): one unfiltered call says which containers there are, three filtered ones
 * say how they are. All run at once, so a container changing in those milliseconds is seen as before or after
 * the change, at worst once as having no healthcheck; one that vanished is in no list or in the first only.
 */
export async function listContainers(docker: Docker, signal: AbortSignal): Promise<readonly Container[]> {
  const [running, unhealthy, starting, healthy] = await Promise.all([
    listRunning(docker, signal),
    listRunning(docker, signal, 'unhealthy'),
    listRunning(docker, signal, 'starting'),
    listRunning(docker, signal, 'healthy'),
  ]);
  const health = new Map<string, Health>();
  for (const { Id } of healthy) health.set(Id, 'healthy');
  for (const { Id } of starting) health.set(Id, 'starting');
  for (const { Id } of unhealthy) health.set(Id, 'unhealthy');
  return running.map((entry) => ({
    id: entry.Id,
    name: nameOf(entry),
    image: entry.Image,
    state: entry.State,
    health: health.get(entry.Id) ?? 'none',
  }));
}

async function listRunning(
  docker: Docker,
  signal: AbortSignal,
  health?: Health,
): Promise<Docker.ContainerInfo[]> {
  const filters = health === undefined ? {} : { filters: { health: [health] } };
  const answer: unknown = await settle(signal, docker.listContainers({ ...filters, abortSignal: signal }));
  if (!Array.isArray(answer)) throw new Error('the answer is not a list of containers');
  return answer;
}

/** A container linked into others has more names (`/other/alias`); its own has one slash, in front. */
function nameOf(entry: Docker.ContainerInfo): string {
  const own = entry.Names.find((name) => name.lastIndexOf('/') === 0) ?? entry.Names[0];
  return own?.slice(1) ?? entry.Id.slice(0, 12);
}

/** The engine's version, such as `28.2.2`. */
export async function engineVersion(docker: Docker, signal: AbortSignal): Promise<string> {
  // The driver takes options here, which its published types leave out; without the signal a silent engine
  // would keep one connection per check.
  const version = docker.version.bind(docker) as (options: { abortSignal: AbortSignal }) => Promise<unknown>;
  const found = property(await settle(signal, version({ abortSignal: signal })), 'Version');
  if (typeof found !== 'string') throw new Error('the answer is not that of a Docker engine');
  return found;
}

/**
 * The last line that the container's healthcheck printed, and its exit code; null when it has not run yet.
 * Undefined when the container no longer exists.
 */
export async function lastHealthLine(
  docker: Docker,
  id: string,
  signal: AbortSignal,
): Promise<HealthLine | null | undefined> {
  try {
    const answer = await settle(signal, docker.getContainer(id).inspect({ abortSignal: signal }));
    const last = answer.State.Health?.Log?.at(-1);
    if (last === undefined) return null;
    return { line: last.Output.trim().split('\n').at(-1) ?? '', exitCode: last.ExitCode };
  } catch (error) {
    if (property(error, 'statusCode') === 404) return undefined;
    throw error;
  }
}

/**
 * The driver's answer, or a rejection as soon as the signal aborts. The signal given to the driver closes the
 * connection, but its promise stays open for ever when an answer breaks off after the headers.
 */
function settle<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
