/** What an error of the writer's transaction means for what is tried next. Pure. */
import { messageOf } from '../contract/errors.js';

/**
 * Whether a batch itself is to blame: its data (SQLSTATE 21, 22, 23, 54), or our code that trips over it (no
 * SQLSTATE). Everything else (a lock held for long, a missing right, a full disk) is no reason to put it aside.
 */
export function batchAtFault(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code !== 'string' || /^(21|22|23|54)...$/.test(code);
}

/** Whether an error means that the session is gone, so that trying again on it is of no use. */
export function sessionLost(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string') return /terminated|not queryable|timeout|closed/i.test(messageOf(error));
  // 08: connection, 57P: shutdown, 53: out of resources; E…: the socket.
  return /^(08|57P|53|E[A-Z])/.test(code);
}
