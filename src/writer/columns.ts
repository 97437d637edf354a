/** Helpers for set-based statements. */

/** SQL for the instant that a column of epoch ms names. */
export const at = (column: string): string => `to_timestamp(${column} / 1000.0)`;

/** Turns rows into one array a column, as `unnest` wants them. */
export function columns<T>(
  rows: readonly T[],
  cells: (row: T) => readonly unknown[],
  width: number,
): unknown[][] {
  const result: unknown[][] = Array.from({ length: width }, () => new Array<unknown>(rows.length));
  rows.forEach((row, index) => {
    cells(row).forEach((cell, column) => {
      const target = result[column];
      if (target !== undefined) target[index] = cell;
    });
  });
  return result;
}
