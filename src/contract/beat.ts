/** A sign of life that a process sends to the one that started it, with how it is. */
export interface Beat {
  readonly kind: 'beat';
  readonly heapUsedBytes: number;
  /** Share of the last second that its event loop was busy, 0 to 1; null in the first second. */
  readonly eventLoopUtilisation: number | null;
}
