/**
 * Brings commits into the truth in the order of their revisions. They come by IPC, from this process's own
 * commits and, as a bare number, by NOTIFY from other machines; whatever is missing is read from the store.
 */
import type { Logger } from 'pino';
import type { Changes } from '../../schema/messages.js';
import { messageOf } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';
import { isUnstored } from '../snapshot/reduce.js';
import type { Store } from './store.js';
import type { Truth } from './truth.js';

/** A commit heard of may still be on its way by IPC for this long before the store is asked. */
const GAP_MS = 150;
const RETRY_MS = 1000;

export class Feed {
  readonly #truth: Truth;
  readonly #store: Pick<Store, 'loadSnapshot' | 'changesSince'>;
  readonly #log: Logger;
  /** Newest revision that is in the truth without a gap before it; null before the first load. */
  #rev: number | null = null;
  #heard = -1;
  /** Commits kept while the base is not loaded or one before them is missing, by their revision. */
  readonly #waiting = new Map<number, Changes>();
  #waitingChecks = 0;
  #timer: NodeJS.Timeout | null = null;
  #busy = false;
  #closed = false;

  constructor(truth: Truth, store: Pick<Store, 'loadSnapshot' | 'changesSince'>, log: Logger) {
    this.#truth = truth;
    this.#store = store;
    this.#log = log;
  }

  /** Whether the truth has been loaded from the store. */
  get loaded(): boolean {
    return this.#rev !== null;
  }

  /** Commits that are kept, and the checks in them. */
  get waiting(): { readonly commits: number; readonly checks: number } {
    return { commits: this.#waiting.size, checks: this.#waitingChecks };
  }

  /** A commit with its content. */
  offer(changes: Changes): void {
    if (isUnstored(changes)) {
      this.#truth.offer(changes);
      return;
    }
    if (this.#rev !== null && changes.rev <= this.#rev) return;
    if (this.#hasRoom(changes)) this.#keep(changes);
    this.hear(changes.rev);
  }

  /** A commit of which only the number is known. */
  hear(rev: number): void {
    this.#heard = Math.max(this.#heard, rev);
    this.#advance();
  }

  /**
   * Loads the whole truth from the store; what came meanwhile is applied on top.
   * @param other see `Truth.load`.
   * @throws what the store throws.
   */
  async load(other: boolean): Promise<void> {
    const loaded = await this.#store.loadSnapshot();
    if (other) this.#heard = loaded.rev;
    this.#truth.load(loaded, other);
    this.#rev = other ? loaded.rev : Math.max(loaded.rev, this.#rev ?? loaded.rev);
    this.#advance();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #advance(): void {
    if (this.#rev === null) return;
    for (let next = this.#waiting.get(this.#rev + 1); next !== undefined; ) {
      this.#truth.offer(next);
      this.#rev = next.rev;
      this.#drop(next);
      next = this.#waiting.get(this.#rev + 1);
    }
    for (const kept of [...this.#waiting.values()]) if (kept.rev <= this.#rev) this.#drop(kept);
    if (this.#heard > this.#rev) this.#askIn(GAP_MS);
  }

  #hasRoom({ rev, checks }: Changes): boolean {
    if (this.#waiting.has(rev)) return false;
    const { waiting_commits: commits, waiting_checks: most } = LIMITS;
    return this.#waiting.size < commits.value && this.#waitingChecks + checks.length <= most.value;
  }

  #keep(changes: Changes): void {
    this.#waiting.set(changes.rev, changes);
    this.#waitingChecks += changes.checks.length;
  }

  #drop(changes: Changes): void {
    this.#waiting.delete(changes.rev);
    this.#waitingChecks -= changes.checks.length;
  }

  #askIn(delayMs: number): void {
    if (this.#timer !== null || this.#busy || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#rev !== null && this.#heard > this.#rev) void this.#catchUp(this.#rev);
    }, delayMs);
  }

  async #catchUp(since: number): Promise<void> {
    this.#busy = true;
    let retryMs = GAP_MS;
    try {
      const changes = await this.#store.changesSince(since);
      if (this.#rev === since && changes.rev > since) {
        this.#truth.offer(changes);
        this.#rev = changes.rev;
      } else if (this.#rev === since) {
        // The number belongs to a database that is gone.
        retryMs = RETRY_MS;
      }
    } catch (error) {
      this.#log.warn({ since }, `cannot read what changed, will try again: ${messageOf(error)}`);
      retryMs = RETRY_MS;
    }
    this.#busy = false;
    if (retryMs === RETRY_MS) this.#askIn(RETRY_MS);
    else this.#advance();
  }
}
