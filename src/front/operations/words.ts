/** Instants and durations as people read them. Pure; shared by the views of the operations. */

const STEPS: readonly (readonly [limitS: number, divisorS: number, unit: string])[] = [
  [120, 1, 's'],
  [7200, 60, 'min'],
  [172_800, 3600, 'h'],
  [Number.POSITIVE_INFINITY, 86_400, 'd'],
];

/** `42 s ago`; `-` for no instant. */
export function ago(instant: string | null, nowMs: number = Date.now()): string {
  if (instant === null) return '-';
  const seconds = Math.max(0, (nowMs - Date.parse(instant)) / 1000);
  const [, divisorS, unit] = STEPS.find(([limitS]) => seconds < limitS) ?? [0, 86_400, 'd'];
  return `${Math.floor(seconds / divisorS)} ${unit} ago`;
}

/** `12 ms`, `3.4 s`; `-` for no duration. */
export function took(durationMs: number | null): string {
  if (durationMs === null) return '-';
  return durationMs < 1000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1000).toFixed(1)} s`;
}
