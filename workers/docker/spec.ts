import { isIPv6 } from 'node:net';
import { type Static, Type } from 'typebox';
import type { FamilySpec, TargetCommon } from '../../src/contract/family.js';
import { isLocalHost } from '../../src/contract/locality.js';

export const DEFAULT_SOCKET = '/var/run/docker.sock';

const Path = (description: string) =>
  Type.Optional(Type.String({ pattern: '^/', maxLength: 4096, description }));

const schema = Type.Object({
  socket: Path('Unix socket of the engine; default /var/run/docker.sock unless host is given'),
  host: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_:][A-Za-z0-9_.:-]*$',
      maxLength: 253,
      description: 'host name or IP address of an engine that listens on TCP',
    }),
  ),
  port: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 65535, description: 'default 2375, or 2376 with TLS' }),
  ),
  ca_file: Path('PEM file of the authority that signed the engine’s certificate; turns TLS on'),
  cert_file: Path('PEM file of the client certificate; turns TLS on'),
  key_file: Path('PEM file of the key of the client certificate'),
});

/** One Docker engine: a socket (default `/var/run/docker.sock`) or a host with a port. */
export type DockerTarget = TargetCommon & Static<typeof schema>;

export const spec: FamilySpec<DockerTarget> = {
  name: 'docker',
  title: 'Docker engines and their running containers',
  schema,
  codes: {
    engine_missing: 'There is no socket at the configured path.',
    engine_permission: 'Matrix may not use the socket, or the API refused it.',
    engine_refused: 'Nothing accepts connections at the engine’s socket or port.',
    engine_timeout: 'The engine did not answer within the time allowed.',
    engine_unreachable: 'There is no network path to the engine’s host.',
    engine_dns: 'The name of the engine’s host does not resolve.',
    engine_tls: 'The TLS handshake with the engine failed.',
    engine_error: 'The engine answered with an error, or with something that is not the Docker API.',
    cancelled:
      'The check was cut off before its timeout, because Matrix was stopping; the engine was not judged.',
    engine_config: 'A TLS file of this engine cannot be read; the engine was not judged.',
    container_unhealthy: 'The engine reports the container as unhealthy.',
    container_starting: 'The container’s healthcheck has not passed yet.',
    container_restarting: 'The container exited and the engine is about to start it again.',
    container_paused: 'The container is paused: its processes are frozen.',
  },
  overUplink: (target) => target.host !== undefined && !isLocalHost(target.host),
  check: problemOf,
};

function problemOf(target: DockerTarget): string | undefined {
  if (target.host === undefined) {
    const tcpOnly = (['port', 'ca_file', 'cert_file', 'key_file'] as const).find(
      (key) => target[key] !== undefined,
    );
    return tcpOnly === undefined ? undefined : `${tcpOnly}: needs host, since a socket has no ${tcpOnly}`;
  }
  if (target.socket !== undefined) return 'socket: excludes host, since an engine has one address';
  if (target.host.includes(':') && !isIPv6(target.host)) {
    return 'host: must be a name or an address; write the port as port';
  }
  if ((target.cert_file === undefined) !== (target.key_file === undefined)) {
    return 'cert_file: goes together with key_file';
  }
  return undefined;
}
