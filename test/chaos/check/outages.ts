/** Which outages a series of results makes, by the plainest model there is, and how it differs from what was told. Pure. */
import type { Stored } from './match.js';

export interface Told {
  readonly kind: 'outage' | 'recovery';
  /** Start of the check that said it, by the clock of Matrix, epoch ms. */
  readonly at: number;
}

export interface Alerted {
  /** By the clock of Matrix, epoch ms. */
  readonly createdAt: number;
  /** The same instant by the true clock. */
  readonly trueCreatedAt: number;
  /** By the clock of the database, which is the true one; null while nobody has. */
  readonly ackedAt: number | null;
}

export interface Outage {
  /** By the clock of Matrix, epoch ms. */
  readonly from: number;
  /** The same instant by the true clock. */
  readonly trueFrom: number;
  readonly to: number | null;
}

/** `stored` is of one target and in order of time. */
export function outagesOf(stored: readonly Stored[]): Outage[] {
  const outages: Outage[] = [];
  let since: Stored | null = null;
  for (const result of stored) {
    if (result.verdict === 'fail') since ??= result;
    else if (result.verdict !== 'unknown' && since !== null) {
      outages.push({ from: since.storedAt, trueFrom: since.startedAt, to: result.storedAt });
      since = null;
    }
  }
  if (since !== null) outages.push({ from: since.storedAt, trueFrom: since.startedAt, to: null });
  return outages;
}

/** Sentences that say what is wrong with what was told; none when all is right. */
export function wrongNotices(outages: readonly Outage[], told: readonly Told[]): string[] {
  const expected = outages.flatMap(({ from, to }) => [
    `outage ${from}`,
    ...(to === null ? [] : [`recovery ${to}`]),
  ]);
  const came = told.map(({ kind, at }) => `${kind} ${at}`);
  return [
    ...without(expected, came).map((one) => `not told: ${one}`),
    ...without(came, expected).map((one) => `told without reason, or twice: ${one}`),
  ];
}

/** Somebody may acknowledge just before or just after the writer looks: either is right, in ms. */
const RACE_MS = 5_000;

/** Sentences that say what is wrong with the alerts of one service. */
export function wrongAlerts(outages: readonly Outage[], alerts: readonly Alerted[]): string[] {
  const starts = new Set(outages.map(({ from }) => from));
  const seen = new Set<number>();
  const wrong: string[] = [];
  for (const { createdAt } of alerts) {
    if (!starts.has(createdAt)) wrong.push(`alert without an outage: ${createdAt}`);
    else if (seen.has(createdAt)) wrong.push(`alert twice: ${createdAt}`);
    seen.add(createdAt);
  }
  for (const { from, trueFrom } of outages) {
    const spoken = alerts.some(
      ({ createdAt, trueCreatedAt, ackedAt }) =>
        createdAt === from ||
        (trueCreatedAt < trueFrom && (ackedAt === null || ackedAt > trueFrom - RACE_MS)),
    );
    if (!spoken) wrong.push(`outage without an alert: ${from}`);
  }
  return wrong;
}

/** What is in `all` and, as often, not in `some`. */
function without(all: readonly string[], some: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const one of some) counts.set(one, (counts.get(one) ?? 0) + 1);
  return all.filter((one) => {
    const left = counts.get(one) ?? 0;
    counts.set(one, left - 1);
    return left <= 0;
  });
}
