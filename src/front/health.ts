/** Whether the process lives and whether it can do its work, from what is known already: no query per request. */
import type { Dependencies } from '../../schema/messages.js';
import { errorBody, jsonReply, type Reply } from './http/reply.js';

export interface HealthParts {
  readonly version: string;
  /** Why the database cannot be used, or null. */
  databaseReason(): string | null;
  /** What main last reported; the front's own view of the database goes before main's. */
  reported(): Dependencies;
  draining(): boolean;
}

export class Health {
  readonly #parts: HealthParts;
  readonly #startedAtMs = performance.now();

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  /** Last known state of everything needed; null means connected. */
  dependencies(): Dependencies {
    return { ...this.#parts.reported(), database: this.#parts.databaseReason() };
  }

  /** Liveness: 200 for as long as this can answer at all. `status` tells of dependencies that are down. */
  live(): Reply {
    return jsonReply(200, this.#body());
  }

  /** Readiness: 200 when the database answers, else 503 with the reason. */
  ready(requestId: string): Reply {
    const reason = this.#parts.draining() ? 'stopping' : this.#parts.databaseReason();
    if (reason === null) return jsonReply(200, { ...this.#body(), ready: true });
    const message = this.#parts.draining()
      ? 'Matrix is stopping'
      : `Matrix cannot use its database: ${reason}`;
    const refusal = errorBody('MX_NOT_READY', message, requestId);
    return jsonReply(503, { ...this.#body(), ready: false, reason, ...refusal }, { 'retry-after': '2' });
  }

  #body() {
    const dependencies = this.dependencies();
    const down = Object.values(dependencies).some((problem) => problem !== null);
    return {
      status: down ? 'unhealthy' : 'healthy',
      service: 'matrix',
      version: this.#parts.version,
      uptime: Math.round((performance.now() - this.#startedAtMs) / 100) / 10,
      dependencies: Object.fromEntries(
        Object.entries(dependencies).map(([name, problem]) => [name, problem ?? 'connected']),
      ),
    };
  }
}
