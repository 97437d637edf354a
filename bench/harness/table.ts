/** The table that people read: two lines a benchmark, ours above bare. Pure. */
import type { Bench, Goal } from './bench.js';
import type { Outcome } from './run.js';
import { type SideSummary, type Spread, type Summary, summarise } from './summary.js';

const HEAD = [
  'benchmark',
  'side',
  'per second',
  'CPU per unit',
  'per core',
  'ratio (min–max)',
  'goal',
  'beside',
];

/** Lines of text, columns aligned; then a line for each benchmark that could not run, with the reason. */
export function table(outcomes: readonly Outcome[]): string[] {
  const rows: string[][] = [];
  const problems: string[] = [];
  for (const outcome of outcomes) {
    const summary = summarise(outcome);
    if (summary !== null) rows.push(...rowsOf(outcome.bench, summary));
    if (outcome.problem !== null) problems.push(`${outcome.bench.name} not run: ${outcome.problem}`);
  }
  const widths = HEAD.map((title, column) =>
    Math.max(...[HEAD, ...rows].map((row) => row[column]?.length ?? 0), title.length),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [...(rows.length > 0 ? [line(HEAD), ...rows.map(line)] : []), ...problems];
}

function rowsOf(bench: Bench, summary: Summary): string[][] {
  const { ours, bare, ratio, reached } = summary;
  const verdict = reached === null ? '' : reached ? ' ✓' : ' below';
  const shown = `${figure(ratio.median)} × (${figure(ratio.min)}–${figure(ratio.max)}) of ${bench.compare}`;
  return [
    [bench.name, 'ours', ...sideCells(bench, ours), shown, `${goalText(bench.goal)}${verdict}`, beside(ours)],
    ['', 'bare', ...sideCells(bench, bare), bench.peer, '', beside(bare)],
  ];
}

function sideCells({ unit }: Bench, side: SideSummary): string[] {
  const rate =
    side.timeMs === null
      ? `${count(side.unitsPerSecond.median)} ${plural(unit)}/s`
      : `${spreadText(side.timeMs)} ms`;
  return [
    rate,
    `${microseconds(side.cpuUsPerUnit.median)}${partsText(side.cpuUsPerUnitBy)}`,
    count(side.unitsPerCore.median),
  ];
}

/** The split is worth a word only when several kinds of process worked. */
function partsText(parts: Readonly<Record<string, Spread>>): string {
  const entries = Object.entries(parts);
  if (entries.length < 2) return '';
  return ` (${entries.map(([name, { median }]) => `${name} ${microseconds(median)}`).join(', ')})`;
}

function beside({ extra, reportedCpuUsPerUnit }: SideSummary): string {
  const numbers = Object.entries(extra).map(([name, { median }]) => `${name} ${figure(median)}`);
  const cpu = Object.entries(reportedCpuUsPerUnit).map(
    ([name, { median }]) => `${name} ${microseconds(median)}`,
  );
  return [...numbers, ...cpu].join(', ');
}

/** A goal as it is shown: `≥ 0.9 ×`. */
export function goalText(goal: Goal | undefined): string {
  if (goal === undefined) return 'none';
  if ('atLeast' in goal) return `≥ ${goal.atLeast} ×`;
  if ('atMost' in goal) return `≤ ${goal.atMost} ×`;
  return `≤ +${goal.plusMs} ms`;
}

function plural(unit: string): string {
  return unit.endsWith('y') ? `${unit.slice(0, -1)}ies` : `${unit}s`;
}

function spreadText({ median, min, max }: Spread): string {
  return `${figure(median)} (${figure(min)}–${figure(max)})`;
}

function microseconds(us: number): string {
  return us >= 10_000 ? `${figure(us / 1000)} ms` : `${figure(us)} µs`;
}

function count(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : figure(value);
}

/** Three significant digits. */
function figure(value: number): string {
  return value >= 100 ? Math.round(value).toString() : Number(value.toPrecision(3)).toString();
}
