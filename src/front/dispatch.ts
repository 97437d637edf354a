/**
 * The one way to an operation, whatever the surface: authorise → validate → run → audit → measure.
 * Authentication comes before, because each surface carries its token in its own way.
 */
import type { Logger } from 'pino';
import { MatrixError, messageOf } from '../contract/errors.js';
import { covers, type Principal } from './auth.js';
import type { Operation, OperationContext } from './operations/operation.js';
import type { Origin, Validate } from './validate.js';

export interface Call {
  readonly operation: Operation;
  readonly input: object;
  readonly origin: Origin;
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
      const input = validate(operation, call.input, call.origin);
      const output = await operation.handler(input, context(principal));
      if (operation.mutates) log.info({ ...fields, audit: true, input }, `${operation.name} done`);
      measure(operation.name, call.via, 'ok');
      return output;
    } catch (error) {
      const code = error instanceof MatrixError ? error.code : 'MX_INTERNAL';
      measure(operation.name, call.via, code);
      if (code === 'MX_INTERNAL') log.error({ ...fields, code, err: error }, `${operation.name} failed`);
      else if (operation.mutates || code === 'MX_FORBIDDEN' || code === 'MX_UNAUTHENTICATED') {
        log.warn({ ...fields, audit: true, code }, `${operation.name} refused: ${messageOf(error)}`);
      }
      throw error;
    }
  };
}
