/** The REST view of the registry: routes are made from the operations, none is written by hand. */
import { MatrixError } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';
import type { Logger } from '../log/logger.js';
import { ANONYMOUS, type Authenticator, type Principal } from './auth.js';
import { auditRefusal, authorise, type Dispatch } from './dispatch.js';
import type { Exchange } from './http/exchange.js';
import { errorReply, jsonBytes, jsonReply } from './http/reply.js';
import type { Router } from './http/router.js';
import type { Operation, OperationContext } from './operations/operation.js';
import { fieldSchema, pathFields } from './operations/registry.js';

/** Both answer alike. */
export const API_BASES = ['/matrix/api', '/api'] as const;

/** Who may come in. */
export interface Access {
  readonly authenticator: Authenticator;
  /** Whether reading needs no token; MCP always needs one. */
  readonly anonymousRead: boolean;
}

export interface RestParts extends Access {
  readonly operations: readonly Operation[];
  readonly dispatch: Dispatch;
  readonly log: Logger;
  context(principal: Principal): OperationContext;
}

/** Adds a route for every operation. */
export function addRestRoutes(router: Router, parts: RestParts): void {
  for (const operation of parts.operations) {
    for (const base of API_BASES) {
      router.add(operation.rest.method, base + operation.rest.path, (exchange, params) => {
        // uWebSockets.js hands the body over only to a listener that is there before this returns.
        const body = operation.rest.method === 'GET' ? null : exchange.readBody(LIMITS.request_body.value);
        const quick = body === null ? readyAnswer(operation, exchange, parts) : false;
        if (!quick) void answer(operation, exchange, params, body, parts);
      });
    }
  }
}

/** Who asks. Without a header that is the anonymous viewer, if reading without a token is allowed. */
export function principalOf(
  authorization: string,
  { authenticator, anonymousRead }: Access,
): Principal | Promise<Principal> {
  if (authorization === '' && anonymousRead) return ANONYMOUS;
  return authenticator.remembered(authorization) ?? authenticator.verify(authorization);
}

/** The read that everybody makes, answered without a promise and without touching JSON. */
function readyAnswer(operation: Operation, exchange: Exchange, parts: RestParts): boolean {
  if (operation.ready === undefined || exchange.query !== '') return false;
  const principal = principalOf(exchange.authorization, parts);
  if (principal instanceof Promise) {
    // `answer` asks again and tells the client; here it only must not be left unhandled.
    principal.catch(() => undefined);
    return false;
  }
  try {
    authorise(operation, principal);
  } catch {
    return false;
  }
  const { bytes, etag } = operation.ready(parts.context(principal));
  if (exchange.ifNoneMatch === etag) exchange.send({ status: 304, headers: { etag }, body: bytes });
  else exchange.send(jsonBytes(200, bytes, { etag, 'cache-control': 'no-cache' }));
  return true;
}

async function answer(
  operation: Operation,
  exchange: Exchange,
  params: Readonly<Record<string, string>>,
  body: Promise<Buffer> | null,
  parts: RestParts,
): Promise<void> {
  try {
    const principal = await admitted(operation, exchange, parts);
    const sent =
      body === null ? queryFields(exchange.query, operation) : jsonFields(await body, exchange.contentType);
    refusePathFields(sent, operation);
    const output = await parts.dispatch({
      operation,
      input: { ...operation.rest.defaults, ...sent, ...params },
      principal,
      via: 'rest',
      requestId: exchange.id,
    });
    exchange.send(jsonReply(operation.rest.status ?? 200, output));
  } catch (error) {
    const tooLarge = error instanceof MatrixError && error.code === 'MX_TOO_LARGE';
    exchange.send(errorReply(error, exchange.id), tooLarge);
  }
}

/** Who asks, if they may ask for this at all: known before anything is read that they sent. */
async function admitted(operation: Operation, exchange: Exchange, parts: RestParts): Promise<Principal> {
  try {
    const principal = await principalOf(exchange.authorization, parts);
    exchange.subject = principal.subject;
    authorise(operation, principal);
    return principal;
  } catch (error) {
    const fields = {
      request_id: exchange.id,
      operation: operation.name,
      via: 'rest',
      subject: exchange.subject,
    };
    if (error instanceof MatrixError) auditRefusal(parts.log, fields, error);
    throw error;
  }
}

/** As people write a number; `0x10`, `1e9` and `" 5"` are left as text, which no number field takes. */
const DECIMAL = /^-?\d{1,15}(\.\d{1,15})?$/;

function queryFields(query: string, operation: Operation): object {
  // Without a prototype, so that `__proto__` and `constructor` are names like any other.
  const fields = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of new URLSearchParams(query)) {
    if (Object.hasOwn(fields, name))
      throw new MatrixError('MX_BAD_REQUEST', `${name} is given more than once`);
    fields[name] = queryValue(value, fieldSchema(operation, name).type);
  }
  return fields;
}

/** The value that a field of this type has; text that is none of it stays text. */
function queryValue(text: string, type: string | undefined): unknown {
  // A flag without a value is on, as in `?include_acked`.
  if (type === 'boolean' && ['', 'true', 'false'].includes(text)) return text !== 'false';
  return (type === 'number' || type === 'integer') && DECIMAL.test(text) ? Number(text) : text;
}

/** An empty body is an empty input, so that an acknowledgement needs none. */
function jsonFields(body: Buffer, contentType: string): object {
  if (body.byteLength === 0) return {};
  if (!/^application\/json\s*(;|$)/i.test(contentType)) {
    throw new MatrixError('MX_UNSUPPORTED_MEDIA', 'The body must be application/json');
  }
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    throw new MatrixError('MX_BAD_JSON', 'The body is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MatrixError('MX_BAD_REQUEST', 'The body must be a JSON object');
  }
  return value;
}

function refusePathFields(sent: object, operation: Operation): void {
  for (const field of pathFields(operation)) {
    if (field in sent) throw new MatrixError('MX_BAD_REQUEST', `${field} belongs in the path only`);
  }
}
