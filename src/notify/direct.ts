/**
 * Hands notices straight to a channel, past the queue: what Matrix has to say while the database is away. They
 * are kept in memory only; whoever sent one hears when the channel has it, and sends it again to a new notifier.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';
import type { Notice } from '../writer/plan.js';
import type { Channel } from './notifier.js';

export interface DirectNotice {
  /** The sender's name for it; the same one sent twice is delivered once. */
  readonly id: string;
  readonly notice: Notice;
}

export interface DirectOptions {
  readonly channel: Channel;
  readonly onDelivered: (id: string) => void;
  readonly log: Record<'warn' | 'error', (fields: object, message: string) => void>;
  /** First pause after a channel refused, in ms; doubles up to a minute. Default 1,000. */
  readonly pauseMs?: number;
}

const MAX_PAUSE_MS = 60_000;

export class DirectDelivery {
  private readonly stopping = new AbortController();
  private waiting: DirectNotice[] = [];
  private running: Promise<void> = Promise.resolve();
  private isRunning = false;

  constructor(private readonly options: DirectOptions) {}

  /** Delivers after those that came before. */
  add(direct: DirectNotice): void {
    if (this.stopping.signal.aborted || this.waiting.some(({ id }) => id === direct.id)) return;
    this.waiting.push(direct);
    if (this.waiting.length > LIMITS.direct_notices.value) this.dropOldest();
    if (!this.isRunning) this.running = this.run();
  }

  /** Ends after the attempt that is under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const firstPauseMs = this.options.pauseMs ?? 1_000;
    let pauseMs = firstPauseMs;
    this.isRunning = true;
    for (let next = this.waiting[0]; next !== undefined && !signal.aborted; next = this.waiting[0]) {
      if (await this.delivers(next)) {
        pauseMs = firstPauseMs;
        continue;
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
    }
    this.isRunning = false;
  }

  private async delivers(direct: DirectNotice): Promise<boolean> {
    try {
      await this.options.channel(direct.notice);
    } catch (error) {
      this.options.log.warn(
        { event: 'notice_refused', target: direct.notice.service, error: messageOf(error) },
        'the channel does not take a notice; it is tried again',
      );
      return false;
    }
    this.waiting = this.waiting.filter(({ id }) => id !== direct.id);
    this.options.onDelivered(direct.id);
    return true;
  }

  private dropOldest(): void {
    const dropped = this.waiting.shift();
    this.options.log.error(
      { event: 'notice_dropped', target: dropped?.notice.service },
      'too many notices wait for a channel that does not take them: the oldest is dropped',
    );
  }
}
