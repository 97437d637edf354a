/** Results as a fleet of HTTP services makes them, one a service in turn. */
import type { Result } from '../../src/contract/result.js';

const STEP_MS = 1000;

export const serviceName = (index: number): string => `service ${String(index).padStart(5, '0')}`;

/** Makes results that no earlier call made: each lap of the services is due a second after the one before. */
export class ResultSource {
  private made = 0;
  private readonly from = Date.now();

  constructor(private readonly services: number) {}

  take(count: number): Result[] {
    return Array.from({ length: count }, () => this.next());
  }

  private next(): Result {
    const service = serviceName(this.made % this.services);
    const dueAt = this.from + Math.floor(this.made / this.services) * STEP_MS;
    // Not all alike: the numbers of real services differ from check to check.
    const responseMs = 5 + ((this.made * 7919) % 4000) / 100;
    this.made += 1;
    return {
      service,
      family: 'http',
      target: service,
      dueAt,
      startedAt: dueAt + 2,
      durationMs: responseMs,
      verdict: 'pass',
      detail: `status 200 in ${Math.round(responseMs)} ms`,
      measurements: [{ name: 'response_time', value: responseMs, unit: 'ms' }],
      facts: { http_status: 200 },
    };
  }
}
