/** What an HTTP answer is made of, before it meets a socket. */

import type { ErrorBody } from '../../../schema/wire.js';
import { ERRORS, type ErrorCode, MatrixError } from '../../contract/errors.js';

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  200: '200 OK',
  201: '201 Created',
  202: '202 Accepted',
  204: '204 No Content',
  304: '304 Not Modified',
  308: '308 Permanent Redirect',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  406: '406 Not Acceptable',
  409: '409 Conflict',
  413: '413 Content Too Large',
  415: '415 Unsupported Media Type',
  426: '426 Upgrade Required',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
};

/** The status line's text; every status that Matrix sends has one. */
export function statusLine(status: number): string {
  return STATUS_TEXT[status] ?? `${status} Status`;
}

/** On every answer. No CORS header: other sites have no business here. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
};

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' };

/** A JSON answer from a value. */
export function jsonReply(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return jsonBytes(status, JSON.stringify(value), headers);
}

/** A JSON answer that is already text or bytes. */
export function jsonBytes(
  status: number,
  body: Uint8Array | string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return { status, headers: { ...JSON_HEADERS, ...headers }, body };
}

/** The body of a refusal. */
export function errorBody(code: ErrorCode, message: string, requestId: string): ErrorBody {
  return { error: { code, message, next: ERRORS[code].next, request_id: requestId } };
}

/**
 * The answer to anything thrown. Only errors that Matrix raised itself are told to the client; the message of
 * any other stays in the log.
 */
export function errorReply(
  error: unknown,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const known = error instanceof MatrixError ? error : null;
  const code = known?.code ?? 'MX_INTERNAL';
  const message = known?.message ?? 'Something went wrong inside Matrix';
  const challenge = code === 'MX_UNAUTHENTICATED' ? { 'www-authenticate': challengeFor(message) } : {};
  const retry = ERRORS[code].status === 503 ? { 'retry-after': '2' } : {};
  const body = errorBody(code, message, requestId);
  return jsonReply(ERRORS[code].status, body, { ...challenge, ...retry, ...headers });
}

/** RFC 6750, section 3: a request without any token gets no error code, a refused token gets `invalid_token`. */
function challengeFor(message: string): string {
  if (message === 'missing bearer token') return 'Bearer realm="matrix"';
  return `Bearer realm="matrix", error="invalid_token", error_description="${message.replaceAll(/["\\]/g, '')}"`;
}
