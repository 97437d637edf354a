/** The limits with their present use: what the front counts itself, and what main says of the other parts. */
import type { MetricSample } from '../../schema/messages.js';
import { LIMIT_USED, LIMIT_VALUE, limitSample } from '../contract/limits/use.js';
import { LIMIT_AREAS, LIMITS, type Limit, type LimitName } from '../contract/limits.js';

export interface LimitRow extends Limit {
  readonly limit: LimitName;
  readonly area: string;
  /** null where nobody measures it. */
  readonly used: number | null;
}

/** The front's own figures, by the limit that they belong to. */
export type OwnUse = () => Partial<Record<LimitName, number>>;

export class LimitUse {
  readonly #own: OwnUse;
  #told: readonly MetricSample[] = [];

  constructor(own: OwnUse) {
    this.#own = own;
  }

  /** Keeps what main's samples say of limits. */
  told(samples: readonly MetricSample[]): void {
    this.#told = samples.filter(
      ({ name, labels }) => (name === LIMIT_USED || name === LIMIT_VALUE) && isLimit(labels['limit']),
    );
  }

  /** Every limit, by area. */
  rows(): readonly LimitRow[] {
    const used = { ...this.#said(LIMIT_USED), ...this.#own() };
    const configured = this.#said(LIMIT_VALUE);
    return Object.entries(LIMIT_AREAS).flatMap(([area, limits]) =>
      (Object.entries(limits) as [LimitName, Limit][]).map(([limit, of]) => ({
        limit,
        area,
        ...of,
        value: configured[limit] ?? of.value,
        used: used[limit] ?? null,
      })),
    );
  }

  /** The series that main has not sent itself. */
  *samples(): Iterable<MetricSample> {
    const sent = new Set(this.#told.map(({ name, labels }) => `${name} ${labels['limit']}`));
    for (const { limit, value, used } of this.rows()) {
      if (!sent.has(`${LIMIT_VALUE} ${limit}`)) yield limitSample(LIMIT_VALUE, limit, value);
      if (used === null || sent.has(`${LIMIT_USED} ${limit}`)) continue;
      yield limitSample(LIMIT_USED, limit, used);
    }
  }

  #said(name: string): Partial<Record<LimitName, number>> {
    const samples = this.#told.filter((sample) => sample.name === name);
    return Object.fromEntries(samples.map(({ labels, value }) => [labels['limit'], value]));
  }
}

function isLimit(name: string | undefined): name is LimitName {
  return name !== undefined && Object.hasOwn(LIMITS, name);
}
