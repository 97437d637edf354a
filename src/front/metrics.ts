/** Prometheus metrics: the front's own, what other threads and processes measured, and the state of every check. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Dependencies, MetricSample } from '../../schema/messages.js';
import type { Check } from '../../schema/wire.js';
import { LIMITS } from '../contract/limits.js';
import { exposition } from './exposition.js';
import type { LimitUse } from './limit-use.js';

const SERVICE = 'matrix';

export interface MetricsSources {
  checks(): Iterable<Check>;
  dependencies(): Dependencies;
  webSockets(): number;
  readonly limits: LimitUse;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #labels: Readonly<Record<string, string>>;
  readonly #sources: MetricsSources;
  readonly #requests: Counter<'service' | 'method' | 'status'>;
  readonly #durations: Histogram<'service' | 'method' | 'route'>;
  readonly #operations: Counter<'operation' | 'via' | 'outcome'>;
  readonly #connections: Gauge<'service'>;
  readonly #dropped: Counter;
  readonly #refused: Counter;
  readonly #samplesDropped: Counter;
  #samples: readonly MetricSample[] = [];

  constructor(customerId: string, sources: MetricsSources) {
    this.#labels = { customer_id: customerId };
    this.#sources = sources;
    this.#registry.setDefaultLabels(this.#labels);
    const registers = [this.#registry];
    this.#requests = new Counter({
      name: 'http_requests_total',
      help: 'HTTP requests answered; status 499: the client went away first.',
      labelNames: ['service', 'method', 'status'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from the request to the end of its answer.',
      labelNames: ['service', 'method', 'route'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    });
    this.#operations = new Counter({
      name: 'matrix_operations_total',
      help: 'Calls of operations; outcome is ok or the code of the refusal.',
      labelNames: ['operation', 'via', 'outcome'],
      registers,
    });
    this.#connections = new Gauge({
      name: 'active_connections',
      help: 'Open client connections, HTTP and WebSocket.',
      labelNames: ['service'],
      registers,
    });
    this.#connections.set({ service: SERVICE }, 0);
    this.#dropped = new Counter({
      name: 'matrix_ws_dropped_total',
      help: 'WebSocket clients cut off because they read too slowly.',
      registers,
    });
    this.#refused = new Counter({
      name: 'matrix_connections_refused_total',
      help: 'Connections closed at once because too many were open.',
      registers,
    });
    this.#samplesDropped = new Counter({
      name: 'matrix_metric_samples_dropped_total',
      help: 'Series of other parts that were left out because there were too many.',
      registers,
    });
  }

  request(method: string, route: string, status: number, durationMs: number): void {
    this.#requests.inc({ service: SERVICE, method, status: String(status) });
    this.#durations.observe({ service: SERVICE, method, route }, durationMs / 1000);
  }

  operation(operation: string, via: string, outcome: string): void {
    this.#operations.inc({ operation, via, outcome });
  }

  connection(change: 1 | -1): void {
    this.#connections.inc({ service: SERVICE }, change);
  }

  droppedWebSocket(): void {
    this.#dropped.inc();
  }

  /** Called for a connection that was closed because too many were open. */
  refusedConnection(): void {
    this.#refused.inc();
  }

  /** All samples of the other parts; they replace those of before, so what is gone leaves no series behind. */
  take(samples: readonly MetricSample[]): void {
    this.#samples = samples.slice(0, LIMITS.metric_samples.value);
    this.#samplesDropped.inc(samples.length - this.#samples.length);
    this.#sources.limits.told(this.#samples);
  }

  /** Series kept of other parts. */
  get samples(): number {
    return this.#samples.length;
  }

  /** The whole exposition, text format 0.0.4. */
  async render(): Promise<string> {
    return `${await this.#registry.metrics()}\n${exposition([...this.#samples, ...this.#derived()], this.#labels)}`;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  *#derived(): Iterable<MetricSample> {
    const gauge = (name: string, help: string, value: number, labels: Record<string, string>) =>
      ({ name, help, type: 'gauge', labels, value }) as const;
    yield* this.#sources.limits.samples();
    yield gauge('matrix_ws_connections', 'Open WebSocket connections.', this.#sources.webSockets(), {});
    for (const [dependency, problem] of Object.entries(this.#sources.dependencies())) {
      const help = '1 when what the service needs is there, else 0.';
      yield gauge('service_health', help, problem === null ? 1 : 0, { service: SERVICE, dependency });
    }
    const totals = { pass: 0, warn: 0, fail: 0, unknown: 0 };
    let count = 0;
    for (const { service, family, status, duration_ms: durationMs } of this.#sources.checks()) {
      totals[status] += 1;
      count += 1;
      if (count > LIMITS.metric_services.value) continue;
      const help = 'Always 1: the status that the check has now is in the label.';
      yield gauge('matrix_check_status', help, 1, { service, family, status });
      if (durationMs === null) continue;
      const took = 'How long the newest check took.';
      yield gauge('matrix_check_duration_seconds', took, durationMs / 1000, { service, family });
    }
    for (const [status, total] of Object.entries(totals)) {
      yield gauge('matrix_checks', 'Services by the status of their newest check.', total, { status });
    }
  }
}
