import { readFile } from 'node:fs/promises';
import Docker from 'dockerode';
import { messageOf } from '../../src/contract/errors.js';
import { LIMITS } from '../../src/contract/limits.js';
import { cleanText } from '../../src/contract/result.js';
import { ask, EngineRefusal, property } from './ask.js';
import { EngineConfigError, oneLine } from './failure.js';
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
  for (const { id } of healthy) health.set(id, 'healthy');
  for (const { id } of starting) health.set(id, 'starting');
  for (const { id } of unhealthy) health.set(id, 'unhealthy');
  // Names are unique in an engine; in one that says otherwise the first counts, since a service has one state.
  const byName = new Map<string, Container>();
  for (const entry of running) {
    if (!byName.has(entry.name)) byName.set(entry.name, { ...entry, health: health.get(entry.id) ?? 'none' });
  }
  return [...byName.values()];
}

async function listRunning(docker: Docker, signal: AbortSignal, health?: Health): Promise<readonly Listed[]> {
  const query = health === undefined ? {} : { filters: { health: [health] } };
  const answer = await ask(docker, '/containers/json', query, signal);
  if (!Array.isArray(answer)) throw new Error('the answer is not a list of containers');
  return answer.map(listedOf);
}

/** What is used of an entry of the list. */
type Listed = Omit<Container, 'health'>;

/** Ids are hexadecimal; they become part of a path. */
const ID = /^[\w.-]{1,128}$/;

/** Takes nothing on trust: what an entry holds becomes names, facts and paths. */
function listedOf(entry: unknown): Listed {
  const [id, names, image = '', state = ''] = ['Id', 'Names', 'Image', 'State'].map((key) =>
    property(entry, key),
  );
  const given: unknown = names ?? [];
  if (
    typeof id !== 'string' ||
    !ID.test(id) ||
    typeof image !== 'string' ||
    typeof state !== 'string' ||
    !Array.isArray(given) ||
    !given.every((name) => typeof name === 'string')
  ) {
    throw new Error('the answer is not a list of containers');
  }
  return { id, name: nameOf(given) || id.slice(0, 12), image: plain(image), state: plain(state) };
}

/** A container linked into others has more names (`/other/alias`); its own has one slash, in front. */
function nameOf(names: readonly string[]): string {
  const own = names.find((name) => name.lastIndexOf('/') === 0) ?? names[0];
  return plain(own?.slice(1) ?? '');
}

function plain(text: string): string {
  return cleanText(oneLine(text), LIMITS.engine_text_chars.value);
}

/** The engine's version, such as `28.2.2`. */
export async function engineVersion(docker: Docker, signal: AbortSignal): Promise<string> {
  const found = property(await ask(docker, '/version', {}, signal), 'Version');
  const version = typeof found === 'string' ? plain(found) : '';
  if (version === '') throw new Error('the answer is not that of a Docker engine');
  return version;
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
    const answer = await ask(docker, `/containers/${id}/json`, {}, signal);
    const log = property(property(property(answer, 'State'), 'Health'), 'Log');
    const last: unknown = Array.isArray(log) ? log.at(-1) : undefined;
    const [output, exitCode] = [property(last, 'Output'), property(last, 'ExitCode')];
    if (typeof output !== 'string' || typeof exitCode !== 'number') return null;
    return { line: output.trim().split('\n').at(-1) ?? '', exitCode };
  } catch (error) {
    if (error instanceof EngineRefusal && error.statusCode === 404) return undefined;
    throw error;
  }
}
