/**
 * Who of several Matrix processes on one database does a job: the one whose session holds an advisory lock. The
 * lock goes with the session, so a process that dies makes room at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../contract/errors.js';
import { connectForLocks, createClient, endClient } from './pool.js';

export interface LeadershipOptions {
  readonly url: string;
  readonly lock: number;
  readonly name: string;
  readonly listen: string;
  /** The lock is held; also after a lost session when nobody else took it meanwhile. */
  readonly onGained: () => void;
  /** Another process holds it now. Not called when the database is merely away: nobody else can hold it then. */
  readonly onLost: () => void;
  readonly onNotified: () => void;
  readonly log: { info(fields: object, message: string): void };
}

const POLL_MS = 500;

export class Leadership {
  private stopping = false;
  /** null until the database has told for the first time. */
  private leads: boolean | null = null;
  private problem: string | null = null;
  private pause: AbortController = new AbortController();
  private readonly ended: Promise<void>;

  constructor(private readonly options: LeadershipOptions) {
    this.ended = this.run();
  }

  /** Gives the lock up at once, so that the next one need not wait. */
  async close(): Promise<void> {
    this.stopping = true;
    this.pause.abort();
    await this.ended;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      try {
        await this.session();
      } catch (error) {
        this.waits(messageOf(error));
      }
      await this.wait();
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
    const { url, name, lock, listen, onNotified } = this.options;
    const client = createClient(url, { name: `matrix ${name}`, statementTimeoutMs: 5_000 });
    const lost = new Promise<never>((_, reject) => {
      client.on('error', reject);
      client.on('end', () => reject(new Error('the database closed the connection')));
    });
    lost.catch(() => undefined);
    client.on('notification', onNotified);
    try {
      await connectForLocks(client);
      await client.query(`LISTEN ${listen}`);
      this.problem = null;
      for (;;) {
        if (this.stopping) return;
        const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1) AS mine', [
          lock,
        ]);
        if (rows[0]?.mine === true) break;
        this.set(false);
        await Promise.race([this.wait(), lost]);
      }
      this.set(true);
      // Whoever changed the list while this session was away is not heard of again.
      onNotified();
      await Promise.race([this.untilStopped(), lost]);
    } finally {
      await endClient(client);
    }
  }

  private set(leads: boolean): void {
    if (leads === this.leads) return;
    this.leads = leads;
    if (leads) this.options.onGained();
    else this.options.onLost();
  }

  private wait(): Promise<void> {
    return sleep(POLL_MS, undefined, { signal: this.pause.signal }).catch(() => undefined);
  }

  private untilStopped(): Promise<void> {
    if (this.stopping) return Promise.resolve();
    return new Promise((resolve) =>
      this.pause.signal.addEventListener('abort', () => resolve(), { once: true }),
    );
  }
}
