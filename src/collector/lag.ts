import type { MetricSample } from '../../schema/messages.js';

/** Upper bounds of the histogram's buckets, in seconds. */
const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * How late checks are handed over, as a Prometheus histogram a family: lateness is measured, never hidden, and what
 * one family suffers is not mixed with the others.
 */
export class Lag {
  /** One entry a family, and families are as many as there are folders of them. */
  private readonly families = new Map<string, Histogram>();

  observe(family: string, lagMs: number): void {
    const lagS = lagMs / 1000;
    const histogram = this.families.get(family) ?? empty();
    this.families.set(family, histogram);
    histogram.total += 1;
    histogram.sumS += lagS;
    const bucket = BOUNDS_S.findIndex((bound) => lagS <= bound);
    if (bucket >= 0) histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1;
  }

  samples(): MetricSample[] {
    return [...this.families].flatMap(([family, histogram]) => samplesOf(family, histogram));
  }
}

interface Histogram {
  /** By bucket, not cumulated. */
  readonly counts: number[];
  total: number;
  sumS: number;
}

const empty = (): Histogram => ({ counts: new Array<number>(BOUNDS_S.length).fill(0), total: 0, sumS: 0 });

function samplesOf(family: string, { counts, total, sumS }: Histogram): MetricSample[] {
  const help = 'Time between a check being due and being handed to its thread.';
  const sample = (part: string, labels: Record<string, string>, value: number): MetricSample => ({
    name: `matrix_schedule_lag_seconds_${part}`,
    help,
    type: 'counter',
    labels: { family, ...labels },
    value,
  });
  let below = 0;
  const buckets = BOUNDS_S.map((bound, index) => {
    below += counts[index] ?? 0;
    return sample('bucket', { le: String(bound) }, below);
  });
  return [
    ...buckets,
    sample('bucket', { le: '+Inf' }, total),
    sample('sum', {}, sumS),
    sample('count', {}, total),
  ];
}
