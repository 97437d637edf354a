/** Where results are that are not in the queue yet, and what became of those that never will be. */
export interface ProducerCounts {
  readonly inMemory: number;
  readonly onSpool: number;
  readonly spoolBytes: number;
  readonly spoolMaxBytes: number;
  /** Had to wait, since this process started; those that an earlier one left included. */
  readonly waited: number;
  /** Lost, since this process started. */
  readonly dropped: number;
}
