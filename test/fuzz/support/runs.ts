/**
 * How hard the fuzz tests try. `MATRIX_FUZZ_RUNS` multiplies the number of runs (default 1); `MATRIX_FUZZ_SEED`
 * repeats the runs of a failure, whose message tells its seed, and then also looks for a smaller input.
 */
const FACTOR = Number(process.env['MATRIX_FUZZ_RUNS'] || 1);
const SEED = process.env['MATRIX_FUZZ_SEED'];

export interface Runs {
  readonly numRuns: number;
  readonly seed?: number;
  readonly endOnFailure: boolean;
  readonly includeErrorInReport: boolean;
}

/** Parameters for `fc.assert` of a property that runs so often by default. */
export function runs(byDefault: number): Runs {
  const numRuns = Math.max(1, Math.round(byDefault * FACTOR));
  if (SEED === undefined || SEED === '') return { numRuns, endOnFailure: true, includeErrorInReport: true };
  return { numRuns, seed: Number(SEED), endOnFailure: false, includeErrorInReport: true };
}

/** A limit for tests whose length grows with the runs, in ms. */
export function limitMs(byDefaultMs: number): number {
  return Math.max(byDefaultMs, byDefaultMs * FACTOR);
}
