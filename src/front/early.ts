import type { ToFront } from '../../schema/messages.js';
import { LIMITS } from '../contract/limits.js';

/**
 * What main says before the front is up, to be said again when it is. Of what comes anew every second the newest is
 * kept; of commits the newest ones: the store has the others.
 */
export class Early {
  private readonly newest = new Map<ToFront['kind'], ToFront>();
  private others: ToFront[] = [];

  add(message: ToFront): void {
    if (message.kind === 'tree' || message.kind === 'metrics' || message.kind === 'dependencies') {
      this.newest.set(message.kind, message);
      return;
    }
    this.others.push(message);
    if (this.others.length <= LIMITS.front_early_messages.value) return;
    const oldest = this.others.findIndex(({ kind }) => kind === 'changes');
    this.others.splice(Math.max(0, oldest), 1);
  }

  /** In the order of their coming; the figures last. */
  take(): ToFront[] {
    const all = [...this.others, ...this.newest.values()];
    this.others = [];
    this.newest.clear();
    return all;
  }
}
