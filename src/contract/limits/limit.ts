/** One bound of something that would grow otherwise: named once, here, and shown by `matrix limits`. */
export interface Limit {
  readonly value: number;
  /** `count` of what `bounds` names; `per_10_s` is a count within ten seconds. */
  readonly unit: 'bytes' | 'chars' | 'count' | 'levels' | 'mib' | 'per_10_s' | 's';
  /** What is bounded: a sentence that names the thing and where it is held. */
  readonly bounds: string;
  /** What happens at the limit: who notices, and what becomes of what does not fit. */
  readonly beyond: string;
}

/** Keeps the names of a table of limits as its type, and lets their values be plain numbers. */
export function limits<Key extends string>(table: Record<Key, Limit>): Readonly<Record<Key, Limit>> {
  return table;
}
