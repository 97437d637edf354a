/**
 * When this process collects: when it holds the lock of the one collector and knows where the one before left off,
 * or when no database answers (ADR 0009).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Before } from '../collector/continuity.js';
import { messageOf } from '../contract/errors.js';
import type { Logger } from '../log/logger.js';
import { makeIdsAfter } from '../queue/ids.js';
import { queuedDues } from '../queue/queued.js';
import { newestDues } from '../store/dues.js';
import { Leadership } from '../store/leadership.js';
import { createClient, endClient } from '../store/pool.js';
import { newestDeclaration } from '../store/reads.js';
import { TARGETS_CHANNEL } from '../writer/commands.js';

/** Advisory lock of the one collector; chosen at random. */
export const COLLECTOR_LOCK = 7_264_119_303;
/**
 * A database that does not answer at the start must not keep Matrix from watching. Should another process watch
 * too, results meet under the same key and are stored once. In ms.
 */
const WITHOUT_DATABASE_MS = 5_000;
/** Longest that the look at what is stored may hold up a takeover, in ms. */
const PREPARE_MS = 2_000;

export interface LeadOptions {
  readonly log: Logger;
  /** Reads the targets that were registered at run time; never rejects. */
  readonly loadTargets: () => Promise<void>;
  /** Collect from now on; called again when more is known of what was before. */
  readonly onLead: (before?: Before) => void;
  /** Another process collects. */
  readonly onFollow: () => void;
}

export class Lead {
  private leadership: { readonly url: string; readonly of: Leadership } | null = null;
  private withoutDatabase: NodeJS.Timeout | undefined;
  private schemaIsReady = false;
  /** What the one before said when it left, while this process holds the lock; null while it does not. */
  private held: { readonly note: string | null } | null = null;
  private closing = false;

  constructor(private readonly options: LeadOptions) {}

  /** From now on the database has its time to answer. */
  start(): void {
    clearTimeout(this.withoutDatabase);
    this.withoutDatabase = setTimeout(() => {
      this.options.log.warn(
        { event: 'collecting_without_database' },
        'the database does not answer; checks are made and their results kept on disk',
      );
      this.options.onLead();
    }, WITHOUT_DATABASE_MS);
  }

  /** Competes for the lock, which needs no schema: whoever finds it taken knows that somebody collects. */
  connect(url: string): void {
    if (this.closing || this.leadership?.url === url) return;
    void this.leadership?.of.close();
    const of = new Leadership({
      url,
      lock: COLLECTOR_LOCK,
      name: 'collector',
      listen: TARGETS_CHANNEL,
      log: this.options.log,
      onGained: (note) => this.gained(note),
      onLost: () => this.lost(),
      onNotified: () => {
        if (this.schemaIsReady) void this.options.loadTargets();
      },
    });
    this.leadership = { url, of };
  }

  /** The schema is up to date: what is stored can be read. */
  ready(): void {
    if (this.schemaIsReady) return;
    this.schemaIsReady = true;
    void this.options.loadTargets();
    if (this.held !== null) void this.takeOver();
  }

  /** Gives the lock up at once. `askedUntil` is told to whoever takes over; see `Before`. */
  async close(askedUntil: number | null): Promise<void> {
    this.closing = true;
    clearTimeout(this.withoutDatabase);
    await this.leadership?.of.close(askedUntil === null ? null : String(askedUntil));
  }

  private gained(note: string | null): void {
    this.held = { note };
    if (this.schemaIsReady) void this.takeOver();
    // Who holds the lock keeps everybody else from collecting, so it has to, whatever its own schema waits for.
    else this.start();
  }

  private lost(): void {
    this.held = null;
    clearTimeout(this.withoutDatabase);
    this.options.log.info(
      { event: 'collector', active: false },
      'another process collects; this one stands by',
    );
    this.options.onFollow();
  }

  /** Leads with what is known, and soon: a check too many is better than one that is late by seconds. */
  private async takeOver(): Promise<void> {
    const { held, options } = this;
    const late = sleep(PREPARE_MS, null, { ref: false });
    const [dues] = await Promise.all([
      Promise.race([this.readDues(), late]),
      Promise.race([options.loadTargets(), late]),
    ]);
    if (held === null || held !== this.held || this.closing) return;
    clearTimeout(this.withoutDatabase);
    options.log.info(
      { event: 'collector', active: true, known_targets: dues?.size ?? null },
      'this process collects',
    );
    const until = held.note === null ? Number.NaN : Number(held.note);
    options.onLead({ dues: dues ?? new Map(), askedUntil: Number.isFinite(until) ? until : null });
  }

  /** Newest due instants, those that still wait for the writer included; null when they cannot be read. */
  private async readDues(): Promise<Map<string, number> | null> {
    if (this.leadership === null) return null;
    const client = createClient(this.leadership.url, {
      name: 'matrix takeover',
      statementTimeoutMs: PREPARE_MS,
    });
    try {
      await client.connect();
      // The queue first: what moves from there into the store meanwhile is found in the store.
      const queued = await queuedDues(client);
      const dues = await newestDues(client);
      // Whatever the clocks say, what this process declares is newer than what the one before declared.
      const declared = await newestDeclaration(client);
      if (declared !== null) makeIdsAfter(declared);
      for (const [name, due] of queued) dues.set(name, Math.max(due, dues.get(name) ?? due));
      return dues;
    } catch (error) {
      this.options.log.warn(
        { event: 'dues_unread', error: messageOf(error) },
        'what was checked before cannot be read; every target is looked at once',
      );
      return null;
    } finally {
      await endClient(client);
    }
  }
}
