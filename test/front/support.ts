/** A real front on a real port, on a store in memory: for what the surfaces do, whatever the database is. */
import { randomUUID } from 'node:crypto';
import type { Changes, FromFront, FrontInit } from '../../schema/messages.js';
import type { Alert, Check, Cycle, Service } from '../../schema/wire.js';
import { MatrixError } from '../../src/contract/errors.js';
import { mintToken, type Role } from '../../src/front/auth.js';
import { type Front, startFront } from '../../src/front/server.js';
import type { Store } from '../../src/front/store.js';
import { createLogger } from '../../src/log/logger.js';

export const SECRET = 'a secret of the tests that is long enough';

export function check(service: string, more: Partial<Check> = {}): Check {
  return {
    service,
    family: 'http',
    status: 'pass',
    code: null,
    detail: 'status (200) == 200',
    since: '2026-01-02T03:04:05.000Z',
    checked_at: '2026-01-02T03:04:05.000Z',
    duration_ms: 12.5,
    interval_s: 30,
    measurements: [{ name: 'duration', value: 12.5, unit: 'ms' }],
    facts: {},
    stored: true,
    ...more,
  };
}

export function alert(service: string, more: Partial<Alert> = {}): Alert {
  return {
    id: randomUUID(),
    customer_id: 'axe',
    service,
    severity: 'error',
    code: 'http_status',
    message: `${service} is down`,
    created_at: '2026-01-02T03:04:05.000Z',
    acked_at: null,
    acked_by: null,
    ...more,
  };
}

export function cycle(id: number, more: Partial<Cycle> = {}): Cycle {
  const ts = new Date(Date.UTC(2026, 0, 2) + id * 30_000).toISOString();
  return {
    id,
    ts,
    duration_ms: 40,
    overall: 'pass',
    closed: true,
    counts: { pass: 1, warn: 0, fail: 0, unknown: 0 },
    ...more,
  };
}

export function changes(rev: number, more: Partial<Changes> = {}): Changes {
  return { rev, checks: [], removed: [], alerts: [], cycle: null, ...more };
}

/** Keeps what it is given, and numbers commits as the real one does. */
export class MemoryStore implements Store {
  rev = 0;
  checks: Check[] = [];
  alerts: Alert[] = [];
  cycle: Cycle | null = null;
  services: Service[] = [];
  /** When set, every call fails with it. */
  broken: Error | null = null;

  async loadSnapshot() {
    this.#work();
    const alerts = this.alerts.filter((one) => one.acked_at === null);
    return { rev: this.rev, checks: this.checks, alerts, cycle: this.cycle };
  }

  async changesSince(): Promise<Changes> {
    this.#work();
    return changes(this.rev, { checks: this.checks, alerts: this.alerts, cycle: this.cycle });
  }

  async serviceHistory({ service, limit }: { service: string; limit: number }) {
    this.#work();
    if (!this.checks.some((one) => one.service === service)) return null;
    const row = { status: 'pass', code: null, detail: 'fine', duration_ms: 3, not_observed_s: 0 } as const;
    const history = Array.from({ length: limit }, (_, index) => ({
      ...row,
      ts: new Date(Date.UTC(2026, 0, 2) - index * 1000).toISOString(),
    }));
    return { history, not_observed_s: 0 };
  }

  async listAlerts({ includeAcked, limit }: { includeAcked: boolean; limit: number }) {
    this.#work();
    return this.alerts.filter((one) => includeAcked || one.acked_at === null).slice(0, limit);
  }

  async uptimeReport() {
    this.#work();
    const counts = { passes: 99, warns: 0, fails: 1, total: 100, uptime_percent: 99, not_observed_s: 0 };
    return this.checks.map(({ service }) => ({ service, ...counts }));
  }

  async listServices() {
    this.#work();
    return this.services;
  }

  async acknowledgeAlert({ alertId, ackedBy }: { alertId: string; ackedBy: string }) {
    this.#work();
    const found = this.alerts.find((one) => one.id === alertId);
    if (found === undefined) return null;
    if (found.acked_at !== null) return { alert: found, already: true, changes: null };
    const acked = { ...found, acked_at: '2026-01-02T04:00:00.000Z', acked_by: ackedBy };
    this.alerts = this.alerts.map((one) => (one === found ? acked : one));
    this.rev += 1;
    return { alert: acked, already: false, changes: changes(this.rev, { alerts: [acked] }) };
  }

  async registerService({ name, family, config }: { name: string; family: string; config: object }) {
    this.#work();
    if (this.services.some((one) => one.name === name)) {
      throw new MatrixError('MX_CONFLICT', `a service named "${name}" exists already`);
    }
    const created_at = '2026-01-02T04:00:00.000Z';
    const service: Service = { name, family, source: 'api', config: { ...config }, created_at };
    this.services.push(service);
    return service;
  }

  async removeService({ name }: { name: string }): Promise<Changes | null> {
    this.#work();
    if (!this.services.some((one) => one.name === name)) return null;
    this.services = this.services.filter((one) => one.name !== name);
    this.rev += 1;
    return changes(this.rev, { removed: [name] });
  }

  #work(): void {
    if (this.broken !== null) throw this.broken;
  }
}

export interface Fixture {
  readonly front: Front;
  readonly store: MemoryStore;
  readonly base: string;
  readonly logLines: string[];
  readonly retargeted: { count: number };
  /** Restarts that main was asked for; a test answers them through `front.take`. */
  readonly restarts: Extract<FromFront, { kind: 'restart_child' }>[];
}

export function frontInit(more: Partial<FrontInit> = {}): FrontInit {
  return {
    version: '9.8.7',
    node: 'test',
    customerId: 'axe',
    deployColor: 'blue',
    host: '127.0.0.1',
    port: 0,
    sharePort: false,
    allowedHosts: [],
    anonymousRead: true,
    jwtSecret: SECRET,
    checkIntervalS: 30,
    ...more,
  };
}

/** Starts a front whose truth is what `fill` puts into the store. */
export async function serve(
  fill: (store: MemoryStore) => void = () => {},
  more: Partial<FrontInit> = {},
): Promise<Fixture> {
  const store = new MemoryStore();
  fill(store);
  const logLines: string[] = [];
  const retargeted = { count: 0 };
  const restarts: Fixture['restarts'] = [];
  const front = await startFront({
    init: frontInit(more),
    log: createLogger({
      service: 'matrix',
      level: 'info',
      format: 'json',
      write: (bytes) => {
        logLines.push(bytes.toString());
        return bytes.byteLength;
      },
    }),
    checkTarget: async ({ family }) => {
      if (family !== 'http') throw new MatrixError('MX_BAD_REQUEST', `There is no family named "${family}"`);
      return { intervalMs: 30_000 };
    },
    tell: (message) => {
      if (message.kind === 'targets_changed') retargeted.count += 1;
      else restarts.push(message);
    },
    store,
  });
  await front.load();
  return { front, store, base: `http://127.0.0.1:${front.port}`, logLines, retargeted, restarts };
}

export function token(role: Role, more: { ttlS?: number; secret?: string } = {}): Promise<string> {
  return mintToken({ role, subject: `a ${role}`, ttlS: 60, secret: SECRET, ...more });
}

export async function bearer(role: Role): Promise<{ authorization: string }> {
  return { authorization: `Bearer ${await token(role)}` };
}
