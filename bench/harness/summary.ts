/** Numbers of rounds made into the few that are shown. Pure. */
import type { Bench, Goal, Round } from './bench.js';
import type { Outcome, Pair } from './run.js';

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface SideSummary {
  readonly unitsPerSecond: Spread;
  /** Microseconds of user + system CPU for one unit, all counted processes. */
  readonly cpuUsPerUnit: Spread;
  /** The same, by what the processes are. */
  readonly cpuUsPerUnitBy: Readonly<Record<string, Spread>>;
  /** 1 s of CPU divided by `cpuUsPerUnit`. */
  readonly unitsPerCore: Spread;
  readonly timeMs: Spread | null;
  readonly extra: Readonly<Record<string, Spread>>;
  readonly reportedCpuUsPerUnit: Readonly<Record<string, Spread>>;
}

export interface Summary {
  readonly ours: SideSummary;
  readonly bare: SideSummary;
  /** As `Bench.compare` says, one ratio a pair. */
  readonly ratio: Spread;
  /** Median extra time against bare, of a benchmark that compares `time`. */
  readonly plusMs: number | null;
  /** null without a goal. */
  readonly reached: boolean | null;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

const cpuMsOf = (round: Round): number => Object.values(round.cpuMs).reduce((sum, ms) => sum + ms, 0);
const usPerUnit = (ms: number, round: Round): number => (ms * 1000) / round.units;
const timeOf = (round: Round): number => spread(round.timesMs ?? []).median;

/** Null when there is no whole pair. */
export function summarise({ bench, pairs }: Outcome): Summary | null {
  if (pairs.length === 0) return null;
  const ours = sideSummary(pairs.map((pair) => pair.ours));
  const bare = sideSummary(pairs.map((pair) => pair.bare));
  const ratio = spread(pairs.map((pair) => ratioOf(bench, pair)));
  const plusMs =
    ours.timeMs === null || bare.timeMs === null ? null : ours.timeMs.median - bare.timeMs.median;
  const reached = bench.goal === undefined ? null : reaches(bench.goal, ratio.median, plusMs ?? 0);
  return { ours, bare, ratio, plusMs, reached };
}

function ratioOf({ compare }: Bench, { ours, bare }: Pair): number {
  if (compare === 'time') return timeOf(ours) / timeOf(bare);
  if (compare === 'rate') return ours.units / ours.seconds / (bare.units / bare.seconds);
  return usPerUnit(cpuMsOf(bare), bare) / usPerUnit(cpuMsOf(ours), ours);
}

function reaches(goal: Goal, ratio: number, plusMs: number): boolean {
  if ('atLeast' in goal) return ratio >= goal.atLeast;
  if ('atMost' in goal) return ratio <= goal.atMost;
  return plusMs <= goal.plusMs;
}

function sideSummary(rounds: readonly Round[]): SideSummary {
  const by = (
    pick: (round: Round) => Readonly<Record<string, number>>,
    scale: (ms: number, round: Round) => number,
  ) =>
    Object.fromEntries(
      [...new Set(rounds.flatMap((round) => Object.keys(pick(round))))].map((name) => [
        name,
        spread(rounds.map((round) => scale(pick(round)[name] ?? 0, round))),
      ]),
    );
  const timed = rounds.some((round) => round.timesMs !== undefined);
  return {
    unitsPerSecond: spread(rounds.map((round) => round.units / round.seconds)),
    cpuUsPerUnit: spread(rounds.map((round) => usPerUnit(cpuMsOf(round), round))),
    cpuUsPerUnitBy: by((round) => round.cpuMs, usPerUnit),
    unitsPerCore: spread(rounds.map((round) => (round.units * 1000) / cpuMsOf(round))),
    timeMs: timed ? spread(rounds.flatMap((round) => round.timesMs ?? [])) : null,
    extra: by(
      (round) => round.extra ?? {},
      (value) => value,
    ),
    reportedCpuUsPerUnit: by((round) => round.reportedCpuMs, usPerUnit),
  };
}
