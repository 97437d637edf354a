/** Aligned columns for people; colours only on a terminal that wants them. */
import { stripVTControlCharacters, styleText } from 'node:util';
import type { View } from '../front/operations/operation.js';
import type { Io } from './command.js';

export type Style = Parameters<typeof styleText>[0];

/** Words that have a colour wherever they are a cell of their own. */
export const STYLES: Readonly<Record<string, Style>> = {
  pass: 'green',
  running: 'green',
  starting: 'yellow',
  stalled: 'magenta',
  warn: 'yellow',
  warning: 'yellow',
  backoff: 'yellow',
  fail: 'red',
  failed: 'red',
  error: 'red',
  critical: 'red',
  unknown: 'magenta',
};

/** Whether to colour: a terminal, and neither NO_COLOR (no-color.org) nor a dumb terminal. */
export function wantsColour({ env, isTerminal }: Pick<Io, 'env' | 'isTerminal'>): boolean {
  const refused = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  return isTerminal && !refused && env['TERM'] !== 'dumb';
}

/** The view as text, ending with a newline. */
export function drawView(view: View, colour: boolean): string {
  const lines = (view.lines ?? []).map(plain);
  const { columns, rows } = view;
  if (columns !== undefined && rows !== undefined) {
    if (lines.length > 0) lines.push('');
    lines.push(...drawTable(columns, rows, colour));
  }
  return `${lines.join('\n')}\n`;
}

function drawTable(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  colour: boolean,
): readonly string[] {
  const cells = rows.map((row) => row.map(plain));
  const widths = columns.map((title, index) =>
    Math.max(title.length, ...cells.map((row) => widthOf(row[index] ?? ''))),
  );
  const line = (row: readonly string[], style: (cell: string) => string) =>
    row
      .map((cell, index) => {
        const isLast = index === columns.length - 1;
        const padding = isLast ? '' : ' '.repeat((widths[index] ?? 0) - widthOf(cell) + 2);
        return style(cell) + padding;
      })
      .join('');
  const paint = (style: Style | undefined, cell: string) =>
    colour && style !== undefined ? styleText(style, cell, { validateStream: false }) : cell;
  return [
    line(columns, (cell) => paint('bold', cell)),
    ...cells.map((row) => line(row, (cell) => paint(STYLES[cell], cell))),
  ];
}

/** Text from a target must not move the cursor or forge a line. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
  return stripVTControlCharacters(text).replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

/** Characters, counting those outside the basic plane once. */
export function widthOf(text: string): number {
  return [...text].length;
}
