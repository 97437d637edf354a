/** Instants and durations as people read them. Pure; shared by the views of the operations. */

const STEPS: readonly (readonly [limitS: number, divisorS: number, unit: string])[] = [
  [120, 1, 's'],
  [7200, 60, 'min'],
  [172_800, 3600, 'h'],
  [Number.POSITIVE_INFINITY, 86_400, 'd'],
];

/** `42 s ago`; `-` for no instant. */
export function ago(instant: string | null, nowMs: number = Date.now()): string {
  return instant === null ? '-' : `${roughly(nowMs - Date.parse(instant))} ago`;
}

/** `42 s`, `3 min`: a duration in ms by its largest unit, for a narrow column; a negative one is none. */
export function roughly(durationMs: number): string {
  const seconds = Math.max(0, durationMs / 1000);
  const [, divisorS, unit] = STEPS.find(([limitS]) => seconds < limitS) ?? [0, 86_400, 'd'];
  return `${Math.floor(seconds / divisorS)} ${unit}`;
}

/** `42 s`, `3 min`, `3 h 2 min`, `4 d 6 h`: the two largest units, so that a gap can be told from another. */
export function span(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return two(minutes, 'min', seconds % 60, 's');
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? two(hours, 'h', minutes % 60, 'min')
    : two(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

const two = (large: number, unit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smallUnit}`;

/** `12 ms`, `3.4 s`; `-` for no duration. */
export function took(durationMs: number | null): string {
  if (durationMs === null) return '-';
  return durationMs < 1000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1000).toFixed(1)} s`;
}

/** The text in lines of at most so many characters, broken between words; a longer word stays whole. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if ([...longer].length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
