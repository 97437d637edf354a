/**
 * What a WebSocket client must hear, split so that a client is never given more than it takes: the snapshot in
 * parts, shared by all clients of the same moment, and the newest deltas for whoever was busy with a snapshot.
 */
import type { Alert, Check } from '../../../schema/wire.js';
import { LIMITS } from '../../contract/limits.js';
import type { LiveStatus, PartMessage, SnapshotMessage } from '../../snapshot/client.js';

/** Size that a part aims at, in characters of JSON; one service or the alerts may exceed it. */
const PART_CHARS = 64 * 1024;

/** The messages of a snapshot: one when it is small, as most are. */
export function snapshotParts(
  at: { readonly epoch: string; readonly seq: number },
  status: LiveStatus,
  alerts: readonly Alert[],
): readonly Buffer[] {
  const groups = split(status.checks);
  const [first = [], ...rest] = groups;
  const head: SnapshotMessage = {
    type: 'snapshot',
    ...at,
    parts: Math.max(1, groups.length),
    status: { ...status, checks: first },
    alerts,
  };
  const messages: (SnapshotMessage | PartMessage)[] = [
    head,
    ...rest.map((checks, index): PartMessage => ({ type: 'snapshot_part', ...at, part: index + 2, checks })),
  ];
  return messages.map((message) => Buffer.from(JSON.stringify(message)));
}

function split(checks: readonly Check[]): readonly (readonly Check[])[] {
  const groups: Check[][] = [];
  let sizeChars = Number.POSITIVE_INFINITY;
  for (const check of checks) {
    if (sizeChars >= PART_CHARS) {
      groups.push([]);
      sizeChars = 0;
    }
    groups.at(-1)?.push(check);
    sizeChars += JSON.stringify(check).length;
  }
  return groups;
}

/** The newest deltas, bounded; the oldest go first. */
export class RecentDeltas {
  readonly #deltas: { readonly seq: number; readonly bytes: Buffer }[] = [];
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(seq: number, bytes: Buffer): void {
    this.#deltas.push({ seq, bytes });
    this.#sizeBytes += bytes.byteLength;
    while (this.#sizeBytes > LIMITS.recent_deltas.value && this.#deltas.length > 1) {
      this.#sizeBytes -= this.#deltas.shift()?.bytes.byteLength ?? 0;
    }
  }

  /** The delta of this number; undefined when it is too old, or not made yet. */
  get(seq: number): Buffer | undefined {
    const oldest = this.#deltas[0]?.seq;
    return oldest === undefined ? undefined : this.#deltas[seq - oldest]?.bytes;
  }
}
