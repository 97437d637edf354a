/** What an error of Node or undici means for the target. Decided by `code` alone, never by message text. */
import { errors } from 'undici';
import type { ExchangeCode } from './http-codes.js';

/** What an exchange is waiting for. */
export type Phase = 'dns' | 'connect' | 'tls' | 'headers' | 'body';

/** Why an exchange came to no answer. */
export interface Failure {
  readonly verdict: 'fail' | 'unknown';
  readonly code: ExchangeCode;
  /** One sentence, naming the host and nothing secret. */
  readonly detail: string;
}

/** What is known of the place where the error happened. */
export interface Where {
  /** `host:port` as in the URL. */
  readonly host: string;
  readonly phase: Phase;
  /** Whether the other side had ended the connection. */
  readonly peerEnded: boolean;
}

const CODES: Readonly<Record<string, ExchangeCode>> = {
  ENOTFOUND: 'dns_nxdomain',
  ENODATA: 'dns_nxdomain',
  ECONNREFUSED: 'connect_refused',
  ECONNRESET: 'connect_reset',
  ECONNABORTED: 'connect_reset',
  EPIPE: 'connect_reset',
  EHOSTUNREACH: 'connect_unreachable',
  ENETUNREACH: 'connect_unreachable',
  EHOSTDOWN: 'connect_unreachable',
  ENETDOWN: 'connect_unreachable',
  EAFNOSUPPORT: 'connect_unreachable',
  // A link-local address without its interface, where a redirect may lead.
  EINVAL: 'connect_unreachable',
  ETIMEDOUT: 'timeout',
  EMFILE: 'local_exhausted',
  ENFILE: 'local_exhausted',
  ENOMEM: 'local_exhausted',
  ENOBUFS: 'local_exhausted',
  EADDRNOTAVAIL: 'local_exhausted',
  EAGAIN: 'local_exhausted',
  EAI_MEMORY: 'local_exhausted',
  EACCES: 'local_denied',
  EPERM: 'local_denied',
  CERT_HAS_EXPIRED: 'tls_expired',
  CERT_NOT_YET_VALID: 'tls_not_yet_valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_self_signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls_self_signed',
  UNABLE_TO_GET_ISSUER_CERT: 'tls_untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls_untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls_untrusted',
  CERT_UNTRUSTED: 'tls_untrusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls_hostname',
  EPROTO: 'tls_failed',
  HPE: 'protocol_error',
  UND_ERR_HEADERS_OVERFLOW: 'protocol_error',
  // undici asserts what it expects of an answer, such as a status of at least 100.
  ERR_ASSERTION: 'protocol_error',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'protocol_error',
};

const PREFIXES: readonly (readonly [string, ExchangeCode])[] = [
  ['EAI_', 'dns_failed'],
  ['ERR_SSL_', 'tls_failed'],
  ['ERR_OSSL_', 'tls_failed'],
  ['ERR_TLS_', 'tls_failed'],
];

/** The failure that `error` means; undefined when it is none that a target or this machine can cause (our bug). */
export function failureOf(error: unknown, where: Where): Failure | undefined {
  const causes = error instanceof AggregateError ? error.errors : [error];
  let ours: Failure | undefined;
  for (const cause of causes) {
    const systemCode = systemCodeOf(cause);
    const code = exchangeCodeOf(cause, systemCode, where);
    if (code === undefined) continue;
    const failure = describe(code, systemCode, where);
    // Of several addresses, one that the target answered for says more than one that could not be tried here.
    if (failure.verdict === 'fail') return failure;
    ours ??= failure;
  }
  return ours;
}

/** Parser errors of undici may come without a code. */
const PARSER_ERROR = 'HPE';

function systemCodeOf(error: unknown): string {
  if (error instanceof errors.HTTPParserError) return PARSER_ERROR;
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function exchangeCodeOf(cause: unknown, systemCode: string, where: Where): ExchangeCode | undefined {
  const known = CODES[systemCode];
  if (known !== undefined) return known;
  if (systemCode === 'UND_ERR_SOCKET') return where.peerEnded ? 'connection_closed' : 'protocol_error';
  const prefixed = PREFIXES.find(([prefix]) => systemCode.startsWith(prefix));
  if (prefixed !== undefined) return prefixed[1];
  if (systemCode === '') return undefined;
  if (where.phase === 'dns') return 'dns_failed';
  if (where.phase === 'tls') return 'tls_failed';
  if (!isSystemError(cause)) return undefined;
  // Whatever else the system says of a connection is about that connection, not a mistake here.
  return where.phase === 'connect' ? 'connect_unreachable' : 'connect_reset';
}

/** Whether the error comes from a call of the system, such as `connect` or `read`. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'errno' in error;
}

const WAITING_FOR: Readonly<Record<Phase, string>> = {
  dns: 'the name to be resolved',
  connect: 'the connection',
  tls: 'the TLS handshake',
  headers: 'the response headers',
  body: 'the response body',
};

/** The failure of an exchange whose deadline passed during `where.phase`. */
export function timedOut(where: Where, timeoutMs: number): Failure {
  const detail = `no answer from ${where.host} within ${timeoutMs / 1000} s, still waiting for ${WAITING_FOR[where.phase]}`;
  return { verdict: 'fail', code: 'timeout', detail };
}

/** The outcome of an exchange that was cut off before its deadline. */
export function cancelled(where: Where): Failure {
  return {
    verdict: 'unknown',
    code: 'cancelled',
    detail: `the check of ${where.host} was cut off: Matrix is stopping`,
  };
}

function describe(code: ExchangeCode, systemCode: string, where: Where): Failure {
  const verdict = code === 'local_exhausted' || code === 'local_denied' ? 'unknown' : 'fail';
  return { verdict, code, detail: sentence(code, systemCode, where) };
}

function sentence(code: ExchangeCode, systemCode: string, { host, phase }: Where): string {
  switch (code) {
    case 'dns_nxdomain':
      return `the name of ${host} does not exist or has no address`;
    case 'dns_failed':
      return `the name of ${host} could not be resolved (${systemCode})`;
    case 'connect_refused':
      return `${host} refused the connection: nothing listens there`;
    case 'connect_reset':
      return `${host} reset the connection while Matrix waited for ${WAITING_FOR[phase]}`;
    case 'connect_unreachable':
      return `no route to ${host} (${systemCode})`;
    case 'connection_closed':
      return `${host} closed the connection while Matrix waited for ${WAITING_FOR[phase]}`;
    case 'timeout':
      return `the network gave up on ${host} while Matrix waited for ${WAITING_FOR[phase]}`;
    case 'tls_expired':
      return `the certificate of ${host} has expired`;
    case 'tls_not_yet_valid':
      return `the certificate of ${host} is not valid yet`;
    case 'tls_self_signed':
      return `the certificate of ${host} is self-signed and not trusted here`;
    case 'tls_untrusted':
      return `the certificate of ${host} has no chain to a trusted root (${systemCode})`;
    case 'tls_hostname':
      return `the certificate of ${host} is for other names`;
    case 'tls_failed':
      return systemCode === 'ERR_SSL_WRONG_VERSION_NUMBER'
        ? `TLS with ${host} failed: the port does not speak TLS (https asked, perhaps http meant)`
        : `TLS with ${host} failed (${systemCode})`;
    case 'protocol_error':
      return systemCode === 'UND_ERR_HEADERS_OVERFLOW'
        ? `${host} answers with more than 16 kB of headers`
        : `${host} does not answer in valid HTTP/1.1`;
    case 'local_exhausted':
      return `this machine ran out of resources (${systemCode}), so ${host} was not judged`;
    case 'local_denied':
      return `this machine forbids the connection to ${host} (${systemCode}), so it was not judged`;
    case 'cancelled':
      return cancelled({ host, phase, peerEnded: false }).detail;
  }
}
