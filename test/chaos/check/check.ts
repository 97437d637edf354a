/** The independent checker: what the targets really answered against what is stored, told and counted. */

import { type Asked, readLog } from '../fixture/log.js';
import { TIMEOUT_S, targetName } from '../place/config.js';
import type { Place } from '../place/place.js';
import { judge, type Verdicts } from './judge.js';
import { outagesOf, wrongAlerts, wrongNotices } from './outages.js';
import { CHUNK, readAlerts, readNotices, readResults, trueTime, wrongSums } from './store.js';

export interface Findings {
  readonly asked: number;
  readonly stored: number;
  readonly outages: number;
  /** What must be 0, each with sentences that name the first cases. */
  readonly wrong: {
    readonly lost: Count;
    readonly doubled: Count;
    readonly false_downs: Count;
    readonly missed_downs: Count;
    readonly alerts_wrong: Count;
    readonly incidents_wrong: Count;
    readonly sums_wrong: Count;
  };
  /** In the hands of a Matrix that was killed: neither up nor down, not observed. */
  readonly inFlight: readonly number[];
  /** Instants (true epoch ms) of checks that were stored as unknown. */
  readonly notJudged: readonly number[];
  /** Instants of every request, in order. */
  readonly instants: Float64Array;
  readonly fixtureStallsMs: number;
}

export class Count {
  count = 0;
  readonly examples: string[] = [];

  add(sentences: readonly string[]): void {
    this.count += sentences.length;
    this.examples.push(...sentences.slice(0, Math.max(0, 5 - this.examples.length)));
  }
}

/** A check that began just before the end may have asked just after it, in ms. */
const EDGE_MS = 3_000;

/** Looks at everything that was asked until `endAt`, true epoch ms. */
export async function check(place: Place, endAt: number): Promise<Findings> {
  const { asked, stalls } = await readFixtures(place, endAt);
  const wrong = {
    lost: new Count(),
    doubled: new Count(),
    false_downs: new Count(),
    missed_downs: new Count(),
    alerts_wrong: new Count(),
    incidents_wrong: new Count(),
    sums_wrong: new Count(),
  };
  const around = { kills: place.kills, stalls, timeoutMs: TIMEOUT_S * 1000 };
  const notices = await readNotices(place.database);
  const alerts = await readAlerts(place.database, place.clock.epochs);
  const inFlight: number[] = [];
  const notJudged: number[] = [];
  let storedCount = 0;
  let outageCount = 0;
  for (let first = 0; first < place.options.targets; first += CHUNK) {
    const results = await readResults(place.database, first, place.clock.epochs);
    for (let target = first; target < Math.min(first + CHUNK, place.options.targets); target += 1) {
      const name = targetName(target);
      const stored = (results.get(target) ?? []).filter(({ startedAt }) => startedAt <= endAt);
      const verdicts = judge(asked.get(target) ?? [], stored, around);
      storedCount += stored.length;
      const lost = verdicts.lost.filter(({ at }) => at <= endAt);
      wrong.lost.add(
        lost.map(
          (one) =>
            `${name} asked ${instant(one.at)}, ${Math.round(endAt - one.at)} ms before the end, answered ${one.status}`,
        ),
      );
      wrong.doubled.add(
        verdicts.invented.map((one) => `${name} ${one.verdict} of ${instant(one.startedAt)}`),
      );
      wrong.false_downs.add(
        verdicts.falseDowns.map((one) => `${name} ${one.code} at ${instant(one.startedAt)}`),
      );
      wrong.missed_downs.add(verdicts.missedDowns.map((one) => `${name} at ${instant(one.startedAt)}`));
      inFlight.push(...verdicts.inFlight.map(({ at }) => at));
      notJudged.push(...unknowns(verdicts));
      const outages = outagesOf(stored);
      outageCount += outages.length;
      const of = (sentence: string): string => `${name}: ${sentence}`;
      // What began after the end is not looked at, and neither are its notices.
      const told = (notices.get(name) ?? []).filter(({ at }) => trueTime(at, place.clock.epochs) <= endAt);
      wrong.incidents_wrong.add(wrongNotices(outages, told).map(of));
      wrong.alerts_wrong.add(wrongAlerts(outages, alerts.get(name) ?? []).map(of));
    }
  }
  wrong.sums_wrong.add(await wrongSums(place.database));
  const instants = Float64Array.from(
    [...asked.values()]
      .flat()
      .map(({ at }) => at)
      .filter((at) => at <= endAt),
  ).sort();
  return {
    asked: instants.length,
    stored: storedCount,
    outages: outageCount,
    wrong,
    inFlight,
    notJudged,
    instants,
    fixtureStallsMs: stalls.reduce((sum, { forMs }) => sum + forMs, 0),
  };
}

const instant = (at: number): string => new Date(at).toISOString().slice(11, 23);

function unknowns({ matched }: Verdicts): number[] {
  const stored = [...matched.pairs.map((pair) => pair.stored), ...matched.unasked];
  return stored.filter(({ verdict }) => verdict === 'unknown').map(({ startedAt }) => startedAt);
}

async function readFixtures(
  place: Place,
  endAt: number,
): Promise<{ asked: Map<number, Asked[]>; stalls: { at: number; forMs: number }[] }> {
  const asked = new Map<number, Asked[]>();
  const stalls: { at: number; forMs: number }[] = [];
  for (const fixture of place.fixtures) {
    await fixture.flush();
    const log = readLog(fixture.options.file);
    stalls.push(...log.stalls);
    for (const one of log.asked) {
      if (one.at > endAt + EDGE_MS) continue;
      const list = asked.get(one.target);
      if (list === undefined) asked.set(one.target, [one]);
      else list.push(one);
    }
  }
  return { asked, stalls };
}
