/** Whether the process lives and whether it can do its work, from what is known already: no query per request. */
import type { Dependencies, ResultsReport } from '../../schema/messages.js';
import { errorBody, jsonReply, type Reply } from './http/reply.js';

/** What main last said of itself. */
export interface Reported {
  readonly dependencies: Dependencies;
  /** null before the first report. */
  readonly results: ResultsReport | null;
  /** When it came, monotonic ms; null before the first. */
  readonly atMs: number | null;
}

export const NOT_REPORTED: Reported = { dependencies: {}, results: null, atMs: null };

export interface HealthParts {
  readonly version: string;
  /** Why the database cannot be used and since when (epoch ms), or null. */
  databaseDown(): { readonly reason: string; readonly since: number } | null;
  /** The front's own view of the database goes before main's. */
  reported(): Reported;
  draining(): boolean;
}

/** Main reports every second; silent for longer than this, it stands still. In ms. */
const SILENT_MS = 2_000;
/** So long a silence is no hiccup: nobody says when checks are due, so others should be asked. In ms. */
const UNREADY_SILENT_MS = 5_000;

/** Why requests are better sent elsewhere. */
interface Unready {
  readonly reason: string;
  readonly message: string;
  /** ISO 8601; null where it is not known. */
  readonly since: string | null;
}

export class Health {
  readonly #parts: HealthParts;
  readonly #startedAtMs = performance.now();

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  /** Last known state of everything needed; null means connected. */
  dependencies(): Dependencies {
    const { dependencies } = this.#parts.reported();
    const silentMs = this.#silentMs();
    return {
      ...dependencies,
      ...(silentMs > SILENT_MS ? { supervisor: silence(silentMs) } : {}),
      database: this.#parts.databaseDown()?.reason ?? null,
    };
  }

  /** Liveness: 200 for as long as this can answer at all. `status` tells of dependencies that are down. */
  live(): Reply {
    return jsonReply(200, this.#body());
  }

  /** Readiness: 200 when the database answers and takes results and main reports, else 503: why and since when. */
  ready(requestId: string): Reply {
    const unready = this.#unready();
    if (unready === null) return jsonReply(200, { ...this.#body(), ready: true });
    const { reason, since, message } = unready;
    const refusal = errorBody('MX_NOT_READY', message, requestId);
    return jsonReply(
      503,
      { ...this.#body(), ready: false, reason, since, ...refusal },
      { 'retry-after': '2' },
    );
  }

  #unready(): Unready | null {
    if (this.#parts.draining()) return { reason: 'stopping', message: 'Matrix is stopping', since: null };
    const down = this.#parts.databaseDown();
    if (down !== null) {
      const since = new Date(down.since).toISOString();
      return { reason: down.reason, message: `Matrix cannot use its database: ${down.reason}`, since };
    }
    const silentMs = this.#silentMs();
    if (silentMs > UNREADY_SILENT_MS) {
      const reason = `the supervisor ${silence(silentMs)}`;
      const since = new Date(Date.now() - silentMs).toISOString();
      return { reason, message: `Matrix checks nothing: ${reason}`, since };
    }
    const { dependencies, results } = this.#parts.reported();
    const queue = dependencies['queue'] ?? null;
    if (queue === null) return null;
    const message = `Matrix cannot store results: ${queue}`;
    return { reason: `results cannot be stored: ${queue}`, message, since: results?.since ?? null };
  }

  /** 0 before the first report: main has just started this process. */
  #silentMs(): number {
    const { atMs } = this.#parts.reported();
    return atMs === null ? 0 : performance.now() - atMs;
  }

  #body() {
    const dependencies = this.dependencies();
    const { results } = this.#parts.reported();
    const down = Object.values(dependencies).some((problem) => problem !== null);
    return {
      status: down ? 'unhealthy' : 'healthy',
      service: 'matrix',
      version: this.#parts.version,
      uptime: Math.round((performance.now() - this.#startedAtMs) / 100) / 10,
      dependencies: Object.fromEntries(
        Object.entries(dependencies).map(([name, problem]) => [name, problem ?? 'connected']),
      ),
      ...(results === null
        ? {}
        : {
            results: {
              waiting_in_memory: results.inMemory,
              waiting_on_spool: results.onSpool,
              spool_bytes: results.spoolBytes,
              spool_max_bytes: results.spoolMaxBytes,
              dropped: results.dropped,
            },
          }),
    };
  }
}

const silence = (silentMs: number): string => `has not reported for ${Math.round(silentMs / 1000)} s`;
