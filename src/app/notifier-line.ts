import { randomUUID } from 'node:crypto';
import type { ToNotifier } from '../notify/messages.js';
import type { Notice } from '../writer/plan.js';

/** Main's end of the line to the notifier: what one that ended was told is told again to the next. */
export class NotifierLine {
  /** Database with the queue of notices; null while there is none with an up-to-date schema. */
  url: string | null = null;
  private readonly waiting = new Map<string, { readonly notice: Notice; readonly done: () => void }>();

  /** `send` reaches the notifier's thread, if there is one now. */
  constructor(private readonly send: (message: ToNotifier) => void) {}

  /** Takes a notice past the queue. Resolves when a channel has it; the notifier tries for as long as it takes. */
  readonly deliver = (notice: Notice): Promise<void> => {
    const id = randomUUID();
    return new Promise((resolve) => {
      this.waiting.set(id, { notice, done: resolve });
      this.send({ kind: 'direct', id, notice });
    });
  };

  /** The notifier says that a channel has it. */
  delivered(id: string): void {
    this.waiting.get(id)?.done();
    this.waiting.delete(id);
  }

  /** The schema of this database is up to date. */
  use(url: string): void {
    this.url = url;
    this.send({ kind: 'database', url });
  }

  /** A notifier runs: it knows nothing of what was said while it started. */
  runs(): void {
    if (this.url !== null) this.send({ kind: 'database', url: this.url });
    for (const [id, { notice }] of this.waiting) this.send({ kind: 'direct', id, notice });
  }
}
