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

const UNITS: Readonly<Record<Exclude<Limit['unit'], 'bytes'>, string>> = {
  chars: ' characters',
  count: '',
  levels: ' levels',
  mib: ' MiB',
  per_10_s: ' in 10 s',
  s: ' s',
};

/** A value of a limit for people: `4 MiB`, `1,000`, `60 s`. */
export function amount(value: number, unit: Limit['unit']): string {
  if (unit !== 'bytes') return value.toLocaleString('en-GB', { maximumFractionDigits: 1 }) + UNITS[unit];
  if (value < 2 ** 10) return `${value} bytes`;
  const [size, name] = value < 2 ** 20 ? [2 ** 10, 'KiB'] : [2 ** 20, 'MiB'];
  return `${Number((value / size).toFixed(1))} ${name}`;
}
