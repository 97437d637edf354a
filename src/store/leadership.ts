/**
 * Who of several Matrix processes on one database does a job: the one whose session holds an advisory lock. The
 * lock goes with the session, so a process that dies makes room at once, and one that leaves says so (ADR 0009).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { messageOf } from '../contract/errors.js';
import { HolderWatch, showLife } from './holder.js';
import { createClient, endClient, sessionEnd } from './pool.js';

export interface LeadershipOptions {
  readonly url: string;
  readonly lock: number;
  readonly name: string;
  readonly listen: string;
  /**
   * The lock is held; also after a lost session when nobody else took it meanwhile. `note` is what the one before
   * said when it left just now; null when it said nothing.
   */
  readonly onGained: (note: string | null) => void;
  /** Another process holds it. Not called when the database is merely away: nobody else can hold it then. */
  readonly onLost: () => void;
  /** Something came on the channel, or may have while nobody listened. */
  readonly onNotified: () => void;
  readonly log: { info(fields: object, message: string): void };
  /** A holder that is silent for so long is frozen and loses the lock, in ms; default 10,000. */
  readonly frozenMs?: number;
}

const POLL_MS = 250;
/** How long one that stood by leaves the lock to the one that held it, once the database is back, in ms. */
const PRECEDENCE_MS = 2_000;
/** How often a holder shows that it lives, in ms. */
const LIFE_MS = 1_000;
/** A note is of the one that held the lock just before, in ms. */
const NOTE_MS = 5_000;
/** A server that does not answer is not waited for when the lock is given up, in ms. */
const FAREWELL_MS = 1_000;

export class Leadership {
  private stopping = false;
  private farewell: string | null = null;
  private note: { readonly text: string; readonly heardAt: number } | null = null;
  /** null until the database has told for the first time. */
  private leads: boolean | null = null;
  private problem: string | null = null;
  private readonly stop: AbortController = new AbortController();
  private wake: () => void = () => undefined;
  private readonly ended: Promise<void>;

  constructor(private readonly options: LeadershipOptions) {
    this.ended = this.run();
  }

  /** Gives the lock up at once, so that the next one need not wait; it hears the note. */
  async close(note: string | null = null): Promise<void> {
    this.farewell = note;
    this.stopping = true;
    this.stop.abort();
    this.wake();
    await this.ended;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      const begun = performance.now();
      try {
        await this.session();
      } catch (error) {
        this.waits(messageOf(error));
      }
      // A session that was cut is opened anew at once: somebody may have taken the lock over.
      if (performance.now() - begun < POLL_MS) await this.pause(POLL_MS);
    }
  }

  /** An outage is a line in the log, not one at each attempt. */
  private waits(problem: string): void {
    if (problem !== this.problem)
      this.options.log.info(
        { event: 'lock_session_lost', lock: this.options.name, error: problem },
        'waiting for the database',
      );
    this.problem = problem;
  }

  private async session(): Promise<void> {
    const { url, name, listen } = this.options;
    const client = createClient(url, { name: `matrix ${name}`, statementTimeoutMs: 5_000 });
    const lost = sessionEnd(client);
    client.on('notification', (message) => this.hear(message));
    try {
      await client.connect();
      await client.query(`LISTEN ${listen}; LISTEN ${this.channel}`);
      this.problem = null;
      // Whoever changed the list while this session was away is not heard of again.
      this.options.onNotified();
      // After an outage the one that held the lock comes first: results of the outage wait on its disk, and those of
      // another collector would overtake them.
      if (this.leads === false) await this.pause(PRECEDENCE_MS);
      if (await Promise.race([this.gain(client), lost])) await Promise.race([this.hold(client), lost]);
    } finally {
      await endClient(client);
    }
  }

  private get channel(): string {
    return `matrix_lock_${this.options.lock}`;
  }

  private hear({ channel, payload }: pg.Notification): void {
    if (channel !== this.channel) {
      this.options.onNotified();
      return;
    }
    if (payload === undefined || payload === '') this.wake();
    else this.note = { text: payload, heardAt: performance.now() };
  }

  /** Waits for the lock; false when stopped first. */
  private async gain(client: pg.Client): Promise<boolean> {
    const { lock, log, name, frozenMs } = this.options;
    const watch = new HolderWatch(lock, 'life', frozenMs);
    while (!this.stopping) {
      const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1) AS mine', [
        lock,
      ]);
      if (rows[0]?.mine === true) {
        this.set(true);
        return true;
      }
      this.set(false);
      const pid = await watch.look(client);
      if (pid !== null)
        log.info(
          { event: 'lock_holder_frozen', lock: name, pid },
          'the process that holds the lock does not move; its session is ended',
        );
      await this.pause(POLL_MS);
    }
    return false;
  }

  /** Shows that this process lives until it is stopped; then gives the lock up, and says what it has to say. */
  private async hold(client: pg.Client): Promise<void> {
    while (!this.stopping) {
      await showLife(client);
      await sleep(LIFE_MS, undefined, { signal: this.stop.signal }).catch(() => undefined);
    }
    await Promise.race([this.leave(client), sleep(FAREWELL_MS, undefined, { ref: false })]);
  }

  /** The note comes before the lock is free, so that whoever gains it has heard it; then all are woken. */
  private async leave(client: pg.Client): Promise<void> {
    const say = 'SELECT pg_notify($1, $2)';
    try {
      if (this.farewell !== null) await client.query(say, [this.channel, this.farewell]);
      await client.query('SELECT pg_advisory_unlock($1)', [this.options.lock]);
      await client.query(say, [this.channel, '']);
    } catch (error) {
      // The lock goes with the session.
      this.waits(messageOf(error));
    }
  }

  private set(leads: boolean): void {
    if (leads === this.leads) return;
    this.leads = leads;
    if (!leads) {
      this.options.onLost();
      return;
    }
    const note =
      this.note !== null && performance.now() - this.note.heardAt < NOTE_MS ? this.note.text : null;
    this.note = null;
    this.options.onGained(note);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        if (this.wake === end) this.wake = () => undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.wake = end;
      if (this.stopping) end();
    });
  }
}
