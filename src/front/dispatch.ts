/**
 * The one way to an operation, whatever the surface: authorise → validate → run → audit → measure.
 * Authentication comes before, because each surface carries its token in its own way.
 */
import type { Logger } from 'pino';
import { MatrixError } from '../contract/errors.js';
import { covers, type Principal } from './auth.js';
import type { Operation, OperationContext } from './operations/operation.js';
import type { Validate } from './validate.js';

export interface Call {
  readonly operation: Operation;
  readonly input: object;
  readonly principal: Principal;
  readonly via: 'rest' | 'mcp';
  readonly requestId: string;
}

export interface DispatchParts {
  readonly validate: Validate;
  readonly log: Logger;
  context(principal: Principal): OperationContext;
  /** Told after every call. */
  measure(operation: string, via: string, outcome: string): void;
}

/** Refusals that are worth a line whatever was asked. */
const ACCESS_CODES: ReadonlySet<string> = new Set(['MX_UNAUTHENTICATED', 'MX_FORBIDDEN']);

export type Dispatch = (call: Call) => Promise<unknown>;

/** @throws MatrixError MX_UNAUTHENTICATED or MX_FORBIDDEN when the principal may not call the operation. */
export function authorise(operation: Operation, principal: Principal): void {
  if (covers(principal.role, operation.scope)) return;
  if (principal.subject === 'anonymous') throw new MatrixError('MX_UNAUTHENTICATED', 'missing bearer token');
  throw new MatrixError(
    'MX_FORBIDDEN',
    `${operation.name} needs the role ${operation.scope}; this token has the role ${principal.role}`,
  );
}

/** Writes a refusal to the audit log; `fields` say who asked for what. */
export function auditRefusal(log: Logger, fields: object, error: MatrixError): void {
  log.warn({ ...fields, audit: true, code: error.code }, `refused: ${error.message}`);
}

/** Builds the dispatcher. What it returns throws MatrixError for refusals, or whatever the handler threw. */
export function dispatcher({ validate, log, context, measure }: DispatchParts): Dispatch {
  return async (call) => {
    const { operation, principal } = call;
    const fields = {
      request_id: call.requestId,
      operation: operation.name,
      via: call.via,
      subject: principal.subject,
      role: principal.role,
    };
    try {
      authorise(operation, principal);
      const input = validate(operation, call.input);
      const output = await operation.handler(input, context(principal));
      if (operation.mutates) log.info({ ...fields, audit: true, input }, `${operation.name} done`);
      measure(operation.name, call.via, 'ok');
      return output;
    } catch (error) {
      const refusal = error instanceof MatrixError && error.code !== 'MX_INTERNAL' ? error : null;
      measure(operation.name, call.via, refusal?.code ?? 'MX_INTERNAL');
      if (refusal === null) log.error({ ...fields, err: error }, `${operation.name} failed`);
      else if (operation.mutates || ACCESS_CODES.has(refusal.code)) auditRefusal(log, fields, refusal);
      throw error;
    }
  };
}
