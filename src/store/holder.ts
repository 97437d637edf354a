/**
 * Whether the process that holds a lock still lives. The server drops the session of one that died, at once; one
 * that is frozen keeps its session for ever, since its kernel goes on answering for it. So a holder says something
 * on its session every second, and whoever waits looks when it last did.
 */
import type pg from 'pg';

/** What a holder says that has nothing else to say; a process that knows nothing of this is not judged by it. */
const ALIVE = `SELECT 'matrix is alive'`;

/** Says it once; to be repeated about every second. */
export async function showLife(client: pg.ClientBase): Promise<void> {
  await client.query(ALIVE);
}

interface Seen {
  readonly pid: number;
  readonly spoke: string;
  /** Monotonic ms. */
  readonly sinceMs: number;
  readonly lookedMs: number;
}

/** Looks that lie further apart prove nothing: the server may have stood still itself, and the holder with it. */
const MAX_GAP_MS = 2_000;
/** Longer than a loaded machine keeps a thread waiting, in ms. */
const FROZEN_MS = 10_000;

export class HolderWatch {
  private seen: Seen | null = null;

  /**
   * A holder that says nothing for `frozenMs` (default 10,000) is frozen. `words` are those of a holder that shows
   * its life with `showLife`; one that holds its lock by working says others all the time.
   */
  constructor(
    private readonly lock: number,
    private readonly words: 'life' | 'work',
    private readonly frozenMs: number = FROZEN_MS,
  ) {}

  /** Looks at the holder; ends its session when it has been silent too long, and answers its pid then. */
  async look(client: pg.ClientBase): Promise<number | null> {
    const { rows } = await client.query<{ pid: number; spoke: string }>(
      `SELECT a.pid, a.state_change::text AS spoke FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
       WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database()
         AND (l.classid::bigint << 32) | l.objid::bigint = $1 AND a.state <> 'active' AND a.query = coalesce($2, a.query)`,
      [this.lock, this.words === 'life' ? ALIVE : null],
    );
    const now = performance.now();
    const [holder] = rows;
    const { seen } = this;
    if (holder === undefined) {
      this.seen = null;
      return null;
    }
    const isSame =
      seen?.pid === holder.pid && seen.spoke === holder.spoke && now - seen.lookedMs < MAX_GAP_MS;
    const sinceMs = isSame ? seen.sinceMs : now;
    this.seen = { ...holder, sinceMs, lookedMs: now };
    if (now - sinceMs < this.frozenMs) return null;
    await client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND state_change::text = $2',
      [holder.pid, holder.spoke],
    );
    this.seen = null;
    return holder.pid;
  }
}
