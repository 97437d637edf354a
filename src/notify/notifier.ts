/**
 * Takes notices from the queue, where the writer's transaction put them, and hands them to a channel. A notice
 * is done when the channel has it; until then pg-boss keeps it and tries again with growing pauses.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { messageOf } from '../contract/errors.js';
import { BOSS_CHANNEL, NOTICES_QUEUE, openBoss } from '../queue/queues.js';
import { createClient } from '../store/pool.js';
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
  private stopping = new AbortController();
  private stopWork: (() => Promise<void>) | null = null;
  private readonly started: Promise<void>;

  constructor(private readonly options: NotifierOptions) {
    this.started = this.start();
  }

  /** Ends after the notice that is under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.started;
    await this.stopWork?.();
  }

  private async start(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        this.stopWork = await this.work();
        return;
      } catch (error) {
        this.options.log.warn(
          { event: 'notifier_waits', error: messageOf(error) },
          'notices wait for the database',
        );
        await sleep(RETRY_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
  }

  private async work(): Promise<() => Promise<void>> {
    const { url, pool, channel, log } = this.options;
    const boss = await openBoss(pool, {
      maintain: false,
      onError: (error) =>
        log.warn({ event: 'queue_error', error: error.message }, 'notices cannot be taken from the queue'),
    });
    const id = await boss.work<Notice>(
      NOTICES_QUEUE,
      { batchSize: 1, pollingIntervalSeconds: POLL_S },
      async (jobs) => {
        for (const job of jobs) await channel(job.data);
      },
    );
    // Polling alone would do; listening makes a notice leave at once.
    const client = createClient(url, { name: 'matrix notifier' });
    client.on('notification', ({ payload }) => {
      if (payload === NOTICES_QUEUE) boss.notifyWorker(id);
    });
    await client.connect();
    await client.query(`LISTEN ${BOSS_CHANNEL}`);
    return async () => {
      await client.end().catch(() => undefined);
      await boss.stop({ graceful: true, timeout: 2_000 });
    };
  }
}
