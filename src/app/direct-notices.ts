import { randomUUID } from 'node:crypto';
import type { ToNotifier } from '../notify/messages.js';
import type { Notice } from '../writer/plan.js';

/** Main's end of the direct way to the notifier: what is not delivered yet is told again to a new one. */
export class DirectNotices {
  private readonly waiting = new Map<string, { readonly notice: Notice; readonly done: () => void }>();

  /** `send` reaches the notifier's thread, if there is one now. */
  constructor(private readonly send: (message: ToNotifier) => void) {}

  /** Resolves when a channel has it; the notifier tries for as long as it takes. */
  deliver(notice: Notice): Promise<void> {
    const id = randomUUID();
    return new Promise((resolve) => {
      this.waiting.set(id, { notice, done: resolve });
      this.send({ kind: 'direct', id, notice });
    });
  }

  /** The notifier says that a channel has it. */
  delivered(id: string): void {
    this.waiting.get(id)?.done();
    this.waiting.delete(id);
  }

  /** A notifier started: it knows nothing of what the one before was told. */
  again(): void {
    for (const [id, { notice }] of this.waiting) this.send({ kind: 'direct', id, notice });
  }
}
