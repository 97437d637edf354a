/**
 * The checks that a family's threads hold: which batch has which, and what became of them. Pure bookkeeping, but
 * for the timers that notice a batch which outlives its deadline.
 */
import type { Result } from '../contract/result.js';
import type { Due, Outcome } from './due.js';
import type { ProbeMessage } from './probe-host.js';

interface Flight {
  readonly slot: number;
  readonly remaining: Map<string, Due>;
  watchdog: NodeJS.Timeout;
}

/** A batch that outlives its largest probe timeout by this much is suspect, in ms. */
const HANG_MARGIN_MS = 1_500;
/** After a stall of this very process the answers are still on their way: they get this long to arrive, in ms. */
const SECOND_LOOK_MS = 500;

export class Flights {
  private readonly flights = new Map<number, Flight>();
  private readonly load: number[];
  private nextBatch = 1;

  /** `onHung` is told the slot whose thread did not answer in time. */
  constructor(
    threads: number,
    private readonly onHung: (slot: number) => void,
  ) {
    this.load = new Array<number>(threads).fill(0);
  }

  /** Checks that the thread in this slot holds. */
  loadOf(slot: number): number {
    return this.load[slot] ?? 0;
  }

  get size(): number {
    return this.load.reduce((sum, count) => sum + count, 0);
  }

  /** Notes a batch that is handed over, of one check a target; answers its number. */
  begin(slot: number, dues: readonly Due[]): number {
    const batch = this.nextBatch++;
    const deadlineMs = Math.max(...dues.map((due) => due.target.timeoutMs)) + HANG_MARGIN_MS;
    const flight: Flight = {
      slot,
      remaining: new Map(dues.map((due) => [due.target.name, due])),
      watchdog: setTimeout(() => {
        flight.watchdog = setTimeout(() => this.onHung(slot), SECOND_LOOK_MS);
      }, deadlineMs),
    };
    this.flights.set(batch, flight);
    this.load[slot] = this.loadOf(slot) + flight.remaining.size;
    return batch;
  }

  /** What a message of a thread says; a check that was answered already is not answered again. */
  answered(message: ProbeMessage): Outcome[] {
    const flight = this.flights.get(message.batch);
    if (flight === undefined) return [];
    const outcomes: Outcome[] = [];
    const results = groupByTarget(message.results);
    for (const name of message.done) {
      const due = flight.remaining.get(name);
      if (due === undefined) continue;
      flight.remaining.delete(name);
      outcomes.push({ due, results: results.get(name) ?? [] });
    }
    this.load[flight.slot] = this.loadOf(flight.slot) - outcomes.length;
    if (flight.remaining.size === 0) this.land(message.batch, flight);
    return outcomes;
  }

  /** The thread is gone: takes out what it still held. */
  abandon(slot: number): Due[] {
    const left: Due[] = [];
    for (const [batch, flight] of this.flights) {
      if (flight.slot !== slot) continue;
      left.push(...flight.remaining.values());
      this.land(batch, flight);
    }
    this.load[slot] = 0;
    return left;
  }

  private land(batch: number, flight: Flight): void {
    clearTimeout(flight.watchdog);
    this.flights.delete(batch);
  }
}

function groupByTarget(results: readonly Result[]): Map<string, Result[]> {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const group = groups.get(result.target);
    if (group === undefined) groups.set(result.target, [result]);
    else group.push(result);
  }
  return groups;
}
