import { randomBytes } from 'node:crypto';

/** Says which process made an id: the last 48 bits of all of them. */
const MAKER = randomBytes(6);
const PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let lastMs = 0;
let sequence = 0;

/**
 * A UUID of version 7 (RFC 9562): ids made one after the other by this process sort in that order, also within
 * a millisecond and across a clock that steps back. The writer stores the jobs that it takes in this order.
 */
export function orderedId(nowMs: number = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    sequence = 0;
  } else if (++sequence > 0xfff) {
    lastMs += 1;
    sequence = 0;
  }
  const bytes = randomBytes(16);
  bytes.writeUIntBE(lastMs, 0, 6);
  bytes.writeUInt16BE(0x7000 | sequence, 6);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  MAKER.copy(bytes, 10);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * Ids made from now on sort after `id`, which another process made: whoever takes over must not seem to speak before
 * the one it follows, whatever the two clocks say. An id that is not one of these changes nothing.
 */
export function makeIdsAfter(id: string): void {
  const madeAtMs = madeAt(id);
  if (madeAtMs !== null && madeAtMs >= lastMs) {
    lastMs = madeAtMs + 1;
    sequence = 0;
  }
}

/**
 * Whether one process made both, so that their order is the order of their making, whatever its clock did. What follows
 * an id (a place in the batch of that id) is not looked at.
 */
export function haveOneMaker(id: string, other: string): boolean {
  return id.length >= 36 && id.slice(24, 36) === other.slice(24, 36);
}

/** When an id was made, in epoch ms by the clock of its maker; null for what is no such id. */
export function madeAt(id: string): number | null {
  return PATTERN.test(id) ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : null;
}
