/** How the parts of Matrix tell how much of a limit they use: as metrics, from which `matrix limits` takes it too. */
import type { MetricSample } from '../../../schema/messages.js';
import type { LimitName } from '../limits.js';

/** Says how much of a limit is used now. */
export const LIMIT_USED = 'matrix_limit_used';
/** Says a limit itself; a part sends it only when it was configured otherwise than the list has it. */
export const LIMIT_VALUE = 'matrix_limit';

const HELP = {
  [LIMIT_USED]: 'How much of a limit is used now.',
  [LIMIT_VALUE]:
    'What a limit allows at most; `matrix limits` tells what is bounded and what happens beyond.',
} as const;

/** One sample of the two kinds. */
export function limitSample(name: keyof typeof HELP, limit: LimitName, value: number): MetricSample {
  return { name, help: HELP[name], type: 'gauge', labels: { limit }, value };
}

/** A sample for each. */
export function limitUse(use: Partial<Record<LimitName, number>>): MetricSample[] {
  const used = Object.entries(use) as [LimitName, number][];
  return used.map(([limit, value]) => limitSample(LIMIT_USED, limit, value));
}
