/**
 * Tells people that the database is away, and that it is back: one notice each, whatever is killed meanwhile. They
 * cannot go the way of other notices, whose queue is in that very database (ADR 0010).
 */
import { readFile, rm } from 'node:fs/promises';
import { replaceSynced } from '../config/durable.js';
import type { Clock } from '../contract/clock.js';
import { messageOf } from '../contract/errors.js';
import type { ProducerCounts } from '../queue/counts.js';
import type { Notice } from '../writer/plan.js';

/** What stands for the database in a notice; beside the `matrix-family-…` of the families. */
export const DATABASE_SERVICE = 'matrix-database';

/** Shorter outages are not told; a restart of PostgreSQL takes less. In ms. */
const TOLD_AFTER_MS = 5_000;
/** The same for a process that has not found the database yet: an embedded one may take so long to start. */
const TOLD_AT_START_AFTER_MS = 15_000;
/** It is over when it has been well for this long: one that comes and goes is one outage. In ms. */
const OVER_AFTER_MS = 5_000;
/** Longest that the end waits for the spool to be empty, so that it can say how much there was. In ms. */
const DRAIN_MS = 30_000;
const LOOK_MS = 500;
/** Pause between notes of what was dropped so far. */
const SAVE_MS = 10_000;

/** What outlives this process, from the first notice to the second. */
interface Told {
  /** Epoch ms. */
  readonly since: number;
  /** Results that earlier processes dropped in this outage. */
  readonly dropped: number;
}

export interface DatabaseOutageOptions {
  /** Where `Told` is kept; absent outside an outage. */
  readonly file: string;
  readonly clock: Clock;
  /** Whether this process collects: of two on one database only that one speaks. */
  readonly collects: () => boolean;
  readonly counts: () => ProducerCounts;
  /** Resolves when a channel has it. */
  readonly deliver: (notice: Notice) => Promise<void>;
  readonly log: { warn(fields: object, message: string): void };
}

/** Instants of an outage or of its end: by the wall clock to be shown, by the monotonic one to be measured. */
interface Instant {
  readonly at: number;
  readonly monotonic: number;
}

export class DatabaseOutage {
  private problem: string | null = 'not connected yet';
  private since: Instant;
  /** null while it is away. */
  private wellSince: Instant | null = null;
  private wasWell = false;
  private told: Told | null = null;
  /** What had waited and been dropped in this process when it began. */
  private atBegin: Pick<ProducerCounts, 'waited' | 'dropped'> = { waited: 0, dropped: 0 };
  /** What the file says; null when it says nothing yet, or could not be written. */
  private saved: { readonly dropped: number; readonly monotonic: number } | null = null;
  private saidUnsaved = false;
  private busy = false;
  private timer: NodeJS.Timeout | null = null;

  private constructor(private readonly options: DatabaseOutageOptions) {
    this.since = this.now();
  }

  /** Finds out whether an earlier process told of an outage and not yet of its end. */
  static async open(options: DatabaseOutageOptions): Promise<DatabaseOutage> {
    const outage = new DatabaseOutage(options);
    outage.told = await readTold(options);
    return outage;
  }

  /** Begins to look. */
  start(): void {
    this.since = this.now();
    this.timer = setInterval(() => void this.look(), LOOK_MS);
  }

  /** An outage that is going on is told of, or ended, by the next process. */
  close(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }

  /** Why the database does not take results; null while it does. */
  hears(problem: string | null): void {
    const was = this.problem;
    this.problem = problem;
    if (problem === null && was !== null) {
      this.wellSince = this.now();
      this.wasWell = true;
    } else if (problem !== null && was === null) {
      this.wellSince = null;
      if (this.told === null) this.begins();
    }
  }

  /** Says what is to be said now. Never rejects. */
  async look(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      if (this.told === null) await this.perhapsBegin();
      else if (this.wellSince === null) await this.save();
      else await this.perhapsEnd(this.told, this.wellSince);
    } catch (error) {
      this.unsaved(error);
    } finally {
      this.busy = false;
    }
  }

  private begins(): void {
    this.since = this.now();
    const { waited, dropped } = this.options.counts();
    this.atBegin = { waited, dropped };
  }

  private async perhapsBegin(): Promise<void> {
    const { since, problem, options } = this;
    const afterMs = this.wasWell ? TOLD_AFTER_MS : TOLD_AT_START_AFTER_MS;
    if (problem === null || !options.collects() || this.now().monotonic - since.monotonic < afterMs) return;
    await options.deliver({
      kind: 'outage',
      service: DATABASE_SERVICE,
      severity: 'critical',
      message: `${problem}; checks go on, their results wait on disk`,
      at: since.at,
      outageSince: since.at,
    });
    this.told = { since: since.at, dropped: 0 };
    await this.save();
  }

  private async perhapsEnd(told: Told, wellSince: Instant): Promise<void> {
    const wellMs = this.now().monotonic - wellSince.monotonic;
    const { waited, dropped, onSpool } = this.options.counts();
    if (wellMs < OVER_AFTER_MS || (onSpool > 0 && wellMs < DRAIN_MS)) return;
    const began = told.since === this.since.at ? this.since : null;
    // The wall clock may have been set since; of an outage that began in another process nothing else is known.
    const tookMs =
      began === null ? Math.max(0, wellSince.at - told.since) : wellSince.monotonic - began.monotonic;
    const lost = told.dropped + dropped - this.atBegin.dropped;
    await this.options.deliver({
      kind: 'recovery',
      service: DATABASE_SERVICE,
      severity: 'info',
      message: `${waited - this.atBegin.waited} results waited for it, ${lost} were dropped`,
      at: wellSince.at,
      outageSince: wellSince.at - Math.round(tookMs),
    });
    this.told = null;
    this.saved = null;
    this.saidUnsaved = false;
    if (this.problem !== null) this.begins();
    await rm(this.options.file, { force: true });
  }

  /** Notes what was told, and what has been dropped since: the end has to say it even if this process does not live. */
  private async save(): Promise<void> {
    const { told, saved } = this;
    if (told === null) return;
    const { monotonic } = this.now();
    const dropped = told.dropped + this.options.counts().dropped - this.atBegin.dropped;
    if (saved !== null && (dropped === saved.dropped || monotonic - saved.monotonic < SAVE_MS)) return;
    await replaceSynced(this.options.file, `${JSON.stringify({ ...told, dropped })}\n`);
    this.saved = { dropped, monotonic };
  }

  /** A full disk is a likely reason of an outage: it is said once that nothing can be noted there. */
  private unsaved(error: unknown): void {
    if (this.saidUnsaved) return;
    this.saidUnsaved = true;
    this.options.log.warn(
      { event: 'outage_unsaved', error: messageOf(error) },
      'that people were told of the outage cannot be noted on disk; after a restart they may be told again',
    );
  }

  private now(): Instant {
    const { clock } = this.options;
    return { at: clock.now(), monotonic: clock.monotonic() };
  }
}

async function readTold({ file, log }: DatabaseOutageOptions): Promise<Told | null> {
  try {
    const { since, dropped } = JSON.parse(await readFile(file, 'utf8')) as Partial<Told>;
    if (typeof since === 'number' && typeof dropped === 'number') return { since, dropped };
    throw new Error('it does not say what it should');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    log.warn(
      { event: 'outage_unread', file, error: messageOf(error) },
      'the note of an outage cannot be read',
    );
    return null;
  }
}
