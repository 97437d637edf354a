import { messageOf } from '../../src/contract/errors.js';
import { cleanText, type Finding } from '../../src/contract/result.js';

/** The client side of an engine is wrong (an unreadable TLS file): the engine itself cannot be judged. */
export class EngineConfigError extends Error {}

type Meaning = readonly [code: string, sentence: string];

const BY_ERRNO: Readonly<Record<string, Meaning>> = {
  ENOENT: ['engine_missing', 'the socket does not exist'],
  ENOTDIR: ['engine_missing', 'the socket does not exist'],
  EACCES: ['engine_permission', 'Matrix may not use the socket; its user needs the group that owns it'],
  EPERM: ['engine_permission', 'Matrix may not use the socket; its user needs the group that owns it'],
  ECONNREFUSED: ['engine_refused', 'nothing accepts connections there'],
  ETIMEDOUT: ['engine_timeout', 'the connection timed out'],
  EHOSTUNREACH: ['engine_unreachable', 'there is no network path to the host'],
  ENETUNREACH: ['engine_unreachable', 'there is no network path to the host'],
  EHOSTDOWN: ['engine_unreachable', 'there is no network path to the host'],
  ENETDOWN: ['engine_unreachable', 'there is no network path to the host'],
  ENOTFOUND: ['engine_dns', 'the host name does not resolve'],
  EAI_AGAIN: ['engine_dns', 'the host name does not resolve: the name server does not answer'],
};

/** OpenSSL's verification results reach us as error codes without a common prefix. */
const TLS_CODE = /^(ERR_TLS_|ERR_SSL_|EPROTO$|UNABLE_TO_|HOSTNAME_MISMATCH$)|CERT/;

/**
 * What an error of an engine call says about the engine. `where` is its address for people. A `fail`, except
 * for `EngineConfigError`, which is an `unknown`.
 */
export function engineFailure(error: unknown, where: string): Finding {
  if (error instanceof EngineConfigError) {
    return { verdict: 'unknown', code: 'engine_config', detail: cleanText(error.message) };
  }
  const [code, sentence] = meaningOf(error);
  return { verdict: 'fail', code, detail: cleanText(`engine at ${where}: ${sentence}`) };
}

function meaningOf(error: unknown): Meaning {
  const status = field(error, 'statusCode');
  if (status === 401 || status === 403) return ['engine_permission', `the API refused with HTTP ${status}`];
  const errno = String(field(error, 'code') ?? '');
  const known = BY_ERRNO[errno];
  if (known !== undefined) return known;
  const message = oneLine(messageOf(error));
  return TLS_CODE.test(errno) ? ['engine_tls', message] : ['engine_error', message];
}

function field(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
}

/** Control characters (a container's colours, line ends) would garble a log line or a page. */
export function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ').trim();
}
