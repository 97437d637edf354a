/**
 * Takes notices from the queue, where the writer's transaction put them, and hands them to a channel. A notice
 * is done when the channel has it; until then pg-boss keeps it and tries again with growing pauses.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { PgBoss } from 'pg-boss';
import { messageOf } from '../contract/errors.js';
import { BOSS_CHANNEL, NOTICES_QUEUE, openBoss } from '../queue/queues.js';
import { createClient, endClient } from '../store/pool.js';
import type { Notice } from '../writer/plan.js';

/** Delivers one notice; rejects when it could not. */
export type Channel = (notice: Notice) => Promise<void>;

export interface NotifierOptions {
  readonly url: string;
  readonly pool: pg.Pool;
  readonly channel: Channel;
  readonly log: { warn(fields: object, message: string): void };
}

const POLL_S = 2;
const RETRY_MS = 2_000;

/** Delivers until stopped. A database that is away is waited for: notices wait in it, so none is lost. */
export class Notifier {
  private readonly stopping = new AbortController();
  private readonly ended: Promise<void>;
  private problem: string | null = null;

  constructor(private readonly options: NotifierOptions) {
    this.ended = this.run();
  }

  /** Ends after the notice that is under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.ended;
  }

  private async run(): Promise<void> {
    const boss = await this.untilItWorks(() =>
      openBoss(this.options.pool, {
        maintain: false,
        onError: (error) => this.waits(error.message),
      }),
    );
    if (boss === null) return;
    try {
      const worker = await this.untilItWorks(() => this.work(boss));
      // Polling alone would do; listening makes a notice leave at once.
      if (worker !== null) await this.untilItWorks(() => this.listen(() => boss.notifyWorker(worker)));
    } finally {
      await boss.stop({ graceful: true, timeout: 2_000 });
    }
  }

  /** Tries again until `step` works or the notifier is stopped, which is null. */
  private async untilItWorks<T>(step: () => Promise<T>): Promise<T | null> {
    while (!this.stopping.signal.aborted) {
      try {
        return await step();
      } catch (error) {
        this.waits(messageOf(error));
        await sleep(RETRY_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
    return null;
  }

  /** An outage is a line in the log, not one at each attempt. */
  private waits(problem: string): void {
    if (problem !== this.problem)
      this.options.log.warn({ event: 'notifier_waits', error: problem }, 'notices wait for the database');
    this.problem = problem;
  }

  private async work(boss: PgBoss): Promise<string> {
    let worker = '';
    worker = await boss.work<Notice>(
      NOTICES_QUEUE,
      { batchSize: 1, pollingIntervalSeconds: POLL_S },
      async (jobs) => {
        // The next one is looked for at once, not at the next poll: a large outage has many.
        boss.notifyWorker(worker);
        for (const job of jobs) await this.options.channel(job.data);
      },
    );
    return worker;
  }

  /** Resolves when the notifier is stopped; rejects when the session is lost. */
  private async listen(onNotice: () => void): Promise<void> {
    const client = createClient(this.options.url, { name: 'matrix notifier' });
    const lost = new Promise<never>((_, reject) => {
      client.on('error', reject);
      client.on('end', () => reject(new Error('the database closed the connection')));
    });
    lost.catch(() => undefined);
    client.on('notification', ({ payload }) => {
      if (payload === NOTICES_QUEUE) onNotice();
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${BOSS_CHANNEL}`);
      this.problem = null;
      onNotice();
      await Promise.race([this.untilStopped(), lost]);
    } finally {
      await endClient(client);
    }
  }

  private untilStopped(): Promise<void> {
    const { signal } = this.stopping;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }
}
