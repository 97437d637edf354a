/** The live view of the process tree, as lines of text for a size of the terminal. Pure. */
import { styleText } from 'node:util';
import { FRESH_MS, type TreeRow, treeRows } from '../../front/operations/tree-rows.js';
import { roughly, wrap } from '../../front/operations/words.js';
import { plain, STYLES, type Style, widthOf } from '../table.js';
import type { Lost, TreeReport } from './follow.js';

export interface ViewState {
  readonly server: string;
  readonly report: TreeReport;
  /** null while there is a connection. */
  readonly lost: Lost | null;
  /** Id of the node that keys act on. */
  readonly selected: string;
  readonly notice: Notice | null;
}

/** A question or an answer. */
export interface Notice {
  /** A line that is of use only as a whole, such as a command, is a line of its own in it. */
  readonly text: string;
  /** Shown until then (monotonic, ms): what is over must not take room from the tree for ever. */
  readonly endsAtMs: number;
}

export interface Frame {
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
  /** Monotonic, ms. */
  readonly nowMs: number;
}

/** The server repeats a tree that stays the same every two seconds: silent for longer, it hangs itself. In ms. */
const SILENT_MS = 6_000;
const KEYS = 'up/down select   r restart   q quit';
/** Rows of a terminal from which on one of them may stay empty. */
const ROOMY = 16;
const MIN_LAST_EXIT = 10;

interface Column {
  readonly title: string;
  readonly cell: (row: TreeRow) => string;
  /** Room for what it usually holds, so that columns do not jump. */
  readonly width?: number;
  readonly right?: boolean;
}
/** The last one gets the room that is left. */
const COLUMNS: readonly Column[] = [
  { title: 'STATUS', cell: (row) => row.status, width: 8 },
  { title: 'NODE', cell: (row) => `${'  '.repeat(row.depth)}${row.node.id}` },
  { title: 'RESTARTS', cell: (row) => row.restarts, right: true },
  { title: 'BACKLOG', cell: (row) => row.backlog, right: true },
  { title: 'LOOP', cell: (row) => row.loop, width: 5, right: true },
  { title: 'HEAP', cell: (row) => row.heap, width: 7, right: true },
  { title: 'UP', cell: (row) => row.up, width: 6, right: true },
  { title: 'LAST EXIT', cell: (row) => row.lastExit },
];
/** Left out one after the other where the terminal is narrow. */
const DISPENSABLE = ['HEAP', 'LOOP', 'UP', 'BACKLOG'];

/** At most as many lines as the terminal has rows, none longer than it has columns. */
export function drawTree(state: ViewState, frame: Frame): readonly string[] {
  const ageMs = Math.max(0, frame.nowMs - state.report.sinceMs);
  const rows = treeRows(state.report.tree, state.report.at + ageMs);
  const found = rows.findIndex(({ node }) => node.id === state.selected);
  const index = Math.max(0, found);
  const top = [
    line('bold', `Matrix supervisor at ${plain(state.server)}`, frame),
    ...connection(state, ageMs, frame),
  ];
  const bottom = [
    ...(frame.rows < ROOMY ? [] : ['']),
    ...details(rows[index], frame),
    ...noticed(state.notice, frame),
    line(undefined, KEYS, frame),
  ];
  const room = Math.max(1, frame.rows - top.length - bottom.length - 1);
  const isLive = state.lost === null && ageMs < FRESH_MS;
  return [...top, ...table(rows, index, room, isLive, frame), ...bottom].slice(0, Math.max(1, frame.rows));
}

function noticed(notice: Notice | null, frame: Frame): readonly string[] {
  if (notice === null || frame.nowMs >= notice.endsAtMs) return [];
  return notice.text.split('\n').flatMap((text) => wrapped('yellow', text, frame));
}

function connection({ lost, report }: ViewState, ageMs: number, frame: Frame): readonly string[] {
  const age = `as of ${roughly(ageMs)} ago`;
  if (lost === null) {
    if (ageMs < FRESH_MS) return [line('green', 'live', frame)];
    if (frame.nowMs - report.heardMs < SILENT_MS)
      return wrapped('yellow', `${age}: the supervisor has not reported since`, frame);
    return wrapped('red', `${age}: the server does not answer`, frame);
  }
  const waitS = Math.max(0, Math.ceil((lost.retryAtMs - frame.nowMs) / 1000));
  const when = waitS === 0 ? 'trying now' : `next try in ${waitS} s`;
  const why = [lost.reason, lost.next].filter((part) => part !== '').join('. ');
  return wrapped('red', `no connection, ${age}, ${when}: ${why}`, frame);
}

/** What is not live has no colours: a green that was true a minute ago says nothing. */
function table(
  all: readonly TreeRow[],
  selected: number,
  room: number,
  isLive: boolean,
  frame: Frame,
): readonly string[] {
  const from = Math.min(Math.max(0, selected - Math.floor(room / 2)), Math.max(0, all.length - room));
  const columns = columnsFor(all, frame.columns);
  const widths = columns.map((column) => widthIn(column, all));
  const aligned = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => pad(cell, columns[index], widths[index] ?? 0))
      .join(' ')
      .trimEnd();
  const body = all.slice(from, from + room).map((row, offset) => {
    const text = aligned(columns.map(({ cell }) => plain(cell(row))));
    if (from + offset === selected) return line('inverse', `> ${text}`, frame);
    const [cut, width] = [fit(`  ${text}`, frame.columns), 2 + (widths[0] ?? 0)];
    const style = isLive ? STYLES[row.status.split(' ')[0] ?? ''] : 'dim';
    return paint(style, cut.slice(0, width), frame) + cut.slice(width);
  });
  return [line('bold', `  ${aligned(columns.map(({ title }) => title))}`, frame), ...body];
}

function pad(cell: string, column: Column | undefined, width: number): string {
  const padding = ' '.repeat(Math.max(0, width - widthOf(cell)));
  return column?.right === true ? padding + cell : cell + padding;
}

function columnsFor(rows: readonly TreeRow[], width: number): readonly Column[] {
  let columns = COLUMNS;
  const used = (): number =>
    columns.slice(0, -1).reduce((sum, column) => sum + widthIn(column, rows) + 1, 2 + MIN_LAST_EXIT);
  for (const title of DISPENSABLE) {
    if (used() <= width) break;
    columns = columns.filter((column) => column.title !== title);
  }
  return columns;
}

function widthIn({ title, cell, width = 0 }: Column, rows: readonly TreeRow[]): number {
  return Math.max(title.length, width, ...rows.map((row) => widthOf(plain(cell(row)))));
}

/** What the table has no room for. */
function details(row: TreeRow | undefined, frame: Frame): readonly string[] {
  if (row === undefined) return [];
  const { id, kind, restarts } = row.node;
  const budget =
    restarts.intensity === null
      ? 'no budget of its own'
      : `${restarts.inWindow} of ${restarts.intensity} restarts within ${roughly(restarts.periodMs ?? 0)}`;
  const exit = row.lastExit === '-' ? 'it has never ended' : `last ended ${plain(row.lastExit)}`;
  return [line('bold', `${id}: ${kind}, ${row.status}, ${budget}`, frame), line(undefined, exit, frame)];
}

/** One line, cut to the width of the terminal. */
function line(style: Style | undefined, text: string, frame: Frame): string {
  return paint(style, fit(text, frame.columns), frame);
}

/** As many lines as it takes, for what must be read to its end. */
function wrapped(style: Style | undefined, text: string, frame: Frame): readonly string[] {
  return wrap(plain(text), frame.columns).map((one) => line(style, one, frame));
}

function fit(text: string, width: number): string {
  return widthOf(text) <= width ? text : `${[...text].slice(0, Math.max(0, width - 1)).join('')}…`;
}

function paint(style: Style | undefined, text: string, frame: Frame): string {
  return frame.colour && style !== undefined ? styleText(style, text, { validateStream: false }) : text;
}
