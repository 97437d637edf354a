import type { MetricSample } from '../../schema/messages.js';

/** Upper bounds of the histogram's buckets, in seconds. */
const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How late checks are handed over, as a Prometheus histogram: lateness is measured, never hidden. */
export class Lag {
  private readonly counts = new Array<number>(BOUNDS_S.length).fill(0);
  private total = 0;
  private sumS = 0;

  observe(lagMs: number): void {
    const lagS = lagMs / 1000;
    this.total += 1;
    this.sumS += lagS;
    const bucket = BOUNDS_S.findIndex((bound) => lagS <= bound);
    if (bucket >= 0) this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
  }

  samples(): MetricSample[] {
    const help = 'Time between a check being due and being handed to its thread.';
    const name = 'matrix_schedule_lag_seconds';
    let below = 0;
    const buckets = BOUNDS_S.map((bound, index): MetricSample => {
      below += this.counts[index] ?? 0;
      return { name: `${name}_bucket`, help, type: 'counter', labels: { le: String(bound) }, value: below };
    });
    return [
      ...buckets,
      { name: `${name}_bucket`, help, type: 'counter', labels: { le: '+Inf' }, value: this.total },
      { name: `${name}_sum`, help, type: 'counter', labels: {}, value: this.sumS },
      { name: `${name}_count`, help, type: 'counter', labels: {}, value: this.total },
    ];
  }
}
