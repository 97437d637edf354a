import type { Pool } from 'pg';
import { createPool } from '../store/pool.js';
import { Notifier, type NotifierOptions } from './notifier.js';

/** The notifier of whichever database is the one now. */
export class QueuedDelivery {
  private present: { readonly url: string; readonly notifier: Notifier; readonly pool: Pool } | null = null;
  private ending: Promise<void> = Promise.resolve();

  constructor(private readonly options: Pick<NotifierOptions, 'channel' | 'log'>) {}

  /** Delivers what is in the queue of this database; the same URL again changes nothing. */
  use(url: string): void {
    if (this.present?.url === url) return;
    this.leave();
    const pool = createPool(url, { name: 'matrix notices', max: 2 });
    this.present = { url, pool, notifier: new Notifier({ ...this.options, url, pool }) };
  }

  /** Ends after the notice that is under way. */
  async stop(): Promise<void> {
    this.leave();
    await this.ending;
  }

  private leave(): void {
    const before = this.present;
    this.present = null;
    if (before === null) return;
    const left = before.notifier.stop().then(() => before.pool.end());
    this.ending = Promise.all([this.ending, left]).then(() => undefined);
  }
}
