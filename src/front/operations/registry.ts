/** The one list of operations. What is not in it does not exist on any surface. */
import { MatrixError } from '../../contract/errors.js';
import { isRole } from '../auth.js';
import { acknowledgeAlert } from './acknowledge-alert.js';
import { getLimits } from './get-limits.js';
import { getServiceHistory } from './get-service-history.js';
import { getStatus } from './get-status.js';
import { getSupervisor } from './get-supervisor.js';
import { getUptimeReport } from './get-uptime-report.js';
import { listAlerts } from './list-alerts.js';
import { listServices } from './list-services.js';
import type { Operation } from './operation.js';
import { registerService } from './register-service.js';
import { removeService } from './remove-service.js';
import { restartChild } from './restart-child.js';

/**
 * Checks a list of operations.
 * @throws MatrixError MX_INTERNAL naming the operation that has no scope, or whose name, path or command is
 * taken, or whose path names a field that its input lacks.
 */
export function registry(operations: readonly Operation[]): readonly Operation[] {
  const taken = new Set<string>();
  const claim = (operation: Operation, what: string) => {
    if (taken.has(what)) throw fault(operation, `${what} is taken by another operation`);
    taken.add(what);
  };
  for (const operation of operations) {
    if (!isRole(operation.scope)) throw fault(operation, 'it has no scope');
    claim(operation, `the name ${operation.name}`);
    claim(operation, `${operation.rest.method} ${operation.rest.path.replaceAll(/\{[^}]*\}/g, '{}')}`);
    claim(operation, `the command ${operation.cli.command}`);
    for (const field of pathFields(operation)) {
      if (!(field in operation.input.properties))
        throw fault(operation, `its input lacks the field ${field}`);
    }
  }
  return operations;
}

/** Names of the input fields that come from the path. */
export function pathFields(operation: Operation): readonly string[] {
  return [...operation.rest.path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1] ?? '');
}

/** The JSON Schema of one field of the input; empty when there is no such field. */
export function fieldSchema(operation: Operation, field: string): FieldSchema {
  return (operation.input.properties[field] ?? {}) as FieldSchema;
}

export interface FieldSchema {
  readonly type?: string;
  readonly default?: unknown;
  readonly description?: string;
}

function fault(operation: Operation, reason: string): MatrixError {
  return new MatrixError('MX_INTERNAL', `Operation ${operation.name} is refused: ${reason}`);
}

export const OPERATIONS = registry([
  getStatus,
  getServiceHistory,
  listAlerts,
  acknowledgeAlert,
  getUptimeReport,
  listServices,
  registerService,
  removeService,
  getSupervisor,
  getLimits,
  restartChild,
]);
