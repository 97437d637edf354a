import type { MetricSample } from '../../schema/messages.js';
import { limitUse } from '../contract/limits/use.js';
import type { Lag } from './lag.js';
import type { Ticker } from './ticker.js';

export interface CollectorFigures {
  readonly targets: { readonly configured: number; readonly registered: number };
  readonly ticker: Pick<Ticker, 'size' | 'running' | 'skipped' | 'openCycles' | 'deadDues'>;
  /** Failures that wait for word of the uplink. */
  readonly held: number;
  /** Whether this process is the collector. */
  readonly active: boolean;
  /** null while nobody knows. */
  readonly uplink: 'up' | 'down' | null;
  readonly lag: Lag;
}

/** What the collector counts, as metrics. */
export function collectorSamples(of: CollectorFigures): MetricSample[] {
  return [
    gauge('matrix_targets', 'Targets that are watched by this collector.', of.active ? of.ticker.size : 0),
    gauge('matrix_checks_running', 'Checks handed over and not answered.', of.ticker.running),
    {
      ...gauge(
        'matrix_checks_skipped_total',
        'Checks not made because the one before still ran.',
        of.ticker.skipped,
      ),
      type: 'counter',
    },
    gauge('matrix_checks_held', 'Failures that wait for word of the uplink.', of.held),
    gauge('matrix_collector_active', '1 while this process is the collector.', of.active ? 1 : 0),
    ...(of.uplink === null
      ? []
      : [gauge('matrix_uplink_up', '1 up, 0 down, absent while unknown.', of.uplink === 'up' ? 1 : 0)]),
    ...of.lag.samples(),
    ...limitUse({
      configured_targets: of.targets.configured,
      registered_services: of.targets.registered,
      held_checks: of.held,
      open_cycles: of.ticker.openCycles,
      dead_dues: of.ticker.deadDues,
    }),
  ];
}

function gauge(name: string, help: string, value: number): MetricSample {
  return { name, help, type: 'gauge', labels: {}, value };
}
