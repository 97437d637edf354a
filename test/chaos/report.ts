/** What a run found, as a page for people and as JSON. */
import type { Findings } from './check/check.js';
import type { ChaosOptions } from './options.js';

export interface FaultRecord {
  readonly name: string;
  /** True epoch ms. */
  readonly from: number;
  readonly to: number;
}

export interface Report {
  readonly options: ChaosOptions;
  readonly faults: readonly FaultRecord[];
  readonly findings: Findings;
  readonly watched: object;
  /** What does not stand in the end as it should. */
  readonly wrongEnd: readonly string[];
}

/** What a fault leads to may come this long after it, in ms. */
const AFTER_MS = 3_000;

/** What a kill takes along was asked up to this long before it, in ms. */
const BEFORE_MS = 2_000;

/** One row a kind of fault. */
export interface FaultRow {
  readonly fault: string;
  readonly times: number;
  /** Requests that the targets saw while it lasted. */
  readonly asked: number;
  /** Checks stored as `unknown`. */
  readonly notJudged: number;
  /** Asked by a Matrix that was killed before it could store them. */
  readonly inFlight: number;
  /** Longest time without any request, in ms. */
  readonly longestPauseMs: number;
}

export function isClean({ findings, wrongEnd }: Report): boolean {
  return wrongEnd.length === 0 && Object.values(findings.wrong).every(({ count }) => count === 0);
}

export function rows({ faults, findings }: Report): FaultRow[] {
  const names = [...new Set(faults.map(({ name }) => name))].sort();
  return names.map((fault) => {
    const windows = faults.filter(({ name }) => name === fault);
    const within = (at: number): boolean => windows.some(({ from, to }) => at >= from && at <= to + AFTER_MS);
    return {
      fault,
      times: windows.length,
      asked: findings.instants.reduce((sum, at) => sum + (within(at) ? 1 : 0), 0),
      notJudged: findings.notJudged.filter(within).length,
      inFlight: findings.inFlight.filter((at) => within(at) || within(at + BEFORE_MS)).length,
      longestPauseMs: Math.max(0, ...windows.map((window) => longestPause(findings.instants, window))),
    };
  });
}

function longestPause(instants: Float64Array, { from, to }: FaultRecord): number {
  let longest = 0;
  let last = from;
  for (const at of instants) {
    if (at < from) continue;
    longest = Math.max(longest, at - last);
    last = at;
    if (at > to + AFTER_MS) break;
  }
  return Math.round(longest);
}

export function textOf(report: Report): string {
  const { findings, faults, wrongEnd } = report;
  const head = ['broken', 'times', 'asked meanwhile', 'not judged', 'in flight at a kill', 'longest pause'];
  const body = rows(report).map((row) => [
    row.fault,
    String(row.times),
    String(row.asked),
    String(row.notJudged),
    String(row.inFlight),
    `${row.longestPauseMs} ms`,
  ]);
  const lines = [
    `${faults.length} faults; ${findings.asked} requests answered by the targets, ${findings.stored} results stored, ${findings.outages} outages`,
    '',
    ...table([head, ...body]),
    '',
  ];
  for (const [name, { count, examples }] of Object.entries(findings.wrong)) {
    lines.push(`${name.padEnd(18)}${count}`, ...examples.map((one) => `    ${one}`));
  }
  lines.push(
    `${'end_state_wrong'.padEnd(18)}${wrongEnd.length}`,
    ...wrongEnd.slice(0, 5).map((one) => `    ${one}`),
  );
  lines.push(`${'not observed'.padEnd(18)}${findings.inFlight.length} in flight at a kill -9`);
  lines.push(`${'not judged'.padEnd(18)}${findings.notJudged.length} stored as unknown`);
  lines.push(
    '',
    isClean(report) ? 'nothing is wrong' : 'SOMETHING IS WRONG',
    '',
    JSON.stringify(report.watched),
  );
  return lines.join('\n');
}

function table(lines: readonly (readonly string[])[]): string[] {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
}

export function jsonOf(report: Report): string {
  const { findings, ...rest } = report;
  const { instants: _, inFlight, notJudged, ...found } = findings;
  return JSON.stringify(
    {
      ...rest,
      rows: rows(report),
      findings: { ...found, in_flight: inFlight.length, not_judged: notJudged.length },
      clean: isClean(report),
    },
    null,
    1,
  );
}
