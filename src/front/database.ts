/**
 * The front's own connections: a small pool for reads and commands, one to ask every second whether the database
 * answers, one that LISTENs. None of their failures ends the process; they reconnect by themselves.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { MatrixError, messageOf } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';
import { createClient, createPool, endClient } from '../store/pool.js';

const PROBE_EVERY_MS = 1000;
const PROBE_TIMEOUT_MS = 900;
/** A page or a command that takes longer is given up: people wait for it. */
const STATEMENT_TIMEOUT_MS = 2000;
/** The whole truth is read at the start and after an outage; nobody waits for it. */
const LOAD_TIMEOUT_MS = 15_000;
const RELISTEN_MS = 1000;
/** Longest that the end of the connections is waited for. */
const END_MS = 1000;
const CHANNEL = 'matrix_changes';

export interface DatabaseEvents {
  /** The LISTEN connection stands: nothing committed from now on is missed. `other`: not the database of before. */
  onListening(other: boolean): Promise<void>;
  /** Another process, or this one, committed this revision. */
  onRevision(rev: number): void;
}

interface Session {
  readonly url: string;
  readonly pool: pg.Pool;
  readonly loadPool: pg.Pool;
  readonly probePool: pg.Pool;
  /** Ends the LISTEN connection, also one that nobody hears any more; null while there is none. */
  endListening: (() => void) | null;
  probing: boolean;
  /** Whether the probe found it away: then nothing else need wait for it. */
  isDown: boolean;
  wasDown: boolean;
  closed: boolean;
}

export class Database {
  readonly #log: Logger;
  readonly #events: DatabaseEvents;
  #session: Session | null = null;
  #reason: string | null = 'starting: the database has not been announced yet';
  #since = Date.now();
  #timer: NodeJS.Timeout | null = null;

  constructor(log: Logger, events: DatabaseEvents) {
    this.#log = log;
    this.#events = events;
  }

  /** Why the database cannot be used; null when it answered within the last second or so. Never waits. */
  get reason(): string | null {
    return this.#reason;
  }

  /** The same with when it began, epoch ms. */
  get down(): { readonly reason: string; readonly since: number } | null {
    return this.#reason === null ? null : { reason: this.#reason, since: this.#since };
  }

  /** @throws MatrixError MX_DATABASE_DOWN at once while the database is known to be away. */
  get pool(): pg.Pool {
    const session = this.#session;
    if (session === null)
      throw new MatrixError('MX_DATABASE_DOWN', `The database is not there: ${this.#reason}`);
    if (session.isDown)
      throw new MatrixError('MX_DATABASE_DOWN', `The database does not answer: ${this.#reason}`);
    return session.pool;
  }

  /** For reading the whole truth: slow, and tried whatever the probe says. @throws as `pool` before it was announced. */
  get loadPool(): pg.Pool {
    return this.#session?.loadPool ?? this.pool;
  }

  /** Uses the database at `url` from now on; the same URL again changes nothing, for every part reconnects. */
  use(url: string): void {
    const before = this.#session;
    if (before?.url === url) {
      void this.#probe(before);
      return;
    }
    if (before !== null) void this.#end(before);
    const onError = (error: Error) => this.#log.debug(`an idle database connection ended: ${error.message}`);
    const session: Session = {
      url,
      pool: createPool(url, {
        name: 'matrix front',
        max: LIMITS.database_connections.value,
        statementTimeoutMs: STATEMENT_TIMEOUT_MS,
        onError,
      }),
      loadPool: createPool(url, {
        name: 'matrix front load',
        max: 1,
        statementTimeoutMs: LOAD_TIMEOUT_MS,
        onError,
      }),
      probePool: createPool(url, {
        name: 'matrix probe',
        max: 1,
        statementTimeoutMs: PROBE_TIMEOUT_MS,
        onError,
      }),
      endListening: null,
      probing: false,
      isDown: false,
      wasDown: false,
      closed: false,
    };
    this.#session = session;
    this.#timer ??= setInterval(() => {
      if (this.#session !== null) void this.#probe(this.#session);
    }, PROBE_EVERY_MS);
    void this.#probe(session);
    void this.#listen(session, before !== null);
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#reason = 'stopping';
    if (this.#session !== null) await this.#end(this.#session);
  }

  async #end(session: Session): Promise<void> {
    session.closed = true;
    session.endListening?.();
    const ends = [session.pool.end(), session.loadPool.end(), session.probePool.end()];
    // A database that hangs never closes its side, and a front that drains must not wait for it.
    await Promise.race([Promise.allSettled(ends), sleep(END_MS, undefined, { ref: false })]);
  }

  async #probe(session: Session): Promise<void> {
    if (session.probing || session.closed) return;
    session.probing = true;
    // A database that hangs must show within a second, although the query itself is given up later.
    const overdue = setTimeout(
      () => this.#judge(session, `the database did not answer within ${PROBE_TIMEOUT_MS} ms`),
      PROBE_TIMEOUT_MS,
    );
    try {
      await session.probePool.query('SELECT 1');
      this.#judge(session, null);
    } catch (error) {
      this.#judge(session, messageOf(error));
    } finally {
      clearTimeout(overdue);
      session.probing = false;
    }
  }

  #judge(session: Session, reason: string | null): void {
    if (session.closed || session !== this.#session) return;
    const was = this.#reason;
    if (was === null && reason !== null) this.#since = Date.now();
    this.#reason = reason;
    session.isDown = reason !== null;
    if (was === null && reason !== null) {
      session.wasDown = true;
      this.#log.warn({ event: 'front_database_down' }, `the database is down: ${reason}`);
    }
    if (reason !== null) return;
    if (was !== null) this.#log.info({ event: 'front_database_up' }, 'the database answers');
    if (session.wasDown) {
      session.wasDown = false;
      // What was announced during the outage did not reach a listener that looked alive: start it anew.
      session.endListening?.();
    }
  }

  /** Keeps one LISTEN connection standing for as long as the session is used. */
  async #listen(session: Session, other: boolean): Promise<void> {
    let isOther = other;
    while (!session.closed) {
      let end = () => {};
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      const client = createClient(session.url, {
        name: 'matrix front listen',
        statementTimeoutMs: STATEMENT_TIMEOUT_MS,
        onError: () => end(),
      });
      client.on('end', () => end());
      client.on('notification', (note) => this.#notified(note.payload));
      try {
        await client.connect();
        session.endListening = end;
        await client.query(`LISTEN ${CHANNEL}`);
        await this.#events.onListening(isOther);
        isOther = false;
        await ended;
      } catch (error) {
        this.#log.debug(`cannot listen to the database yet: ${messageOf(error)}`);
      }
      session.endListening = null;
      await endClient(client);
      if (!session.closed) await new Promise((resolve) => setTimeout(resolve, RELISTEN_MS));
    }
  }

  #notified(payload: string | undefined): void {
    try {
      const { rev } = JSON.parse(payload ?? '') as { rev?: unknown };
      if (typeof rev === 'number') this.#events.onRevision(rev);
    } catch {
      this.#log.warn({ payload }, `a notice on ${CHANNEL} is not the JSON it should be`);
    }
  }
}

/** SQLSTATE classes that say "not now" rather than "wrong": connection, resources, shutdown, system. */
const OUTAGE_CLASSES = new Set(['08', '53', '57', '58']);

/**
 * Turns a driver's error into MX_DATABASE_DOWN, or into MX_BAD_REQUEST for a value that no column can hold (class 22: a
 * NUL in a text). Any other complaint about a query is a bug of ours and stays what it is.
 */
export function asOutage(error: unknown): unknown {
  if (error instanceof MatrixError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && /^22[0-9A-Z]{3}$/.test(code)) {
    return new MatrixError('MX_BAD_REQUEST', `The database cannot hold this value: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const isSqlState = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code);
  if (isSqlState && !OUTAGE_CLASSES.has(code.slice(0, 2)) && code !== '25006') return error;
  if (error instanceof TypeError || error instanceof RangeError) return error;
  return new MatrixError('MX_DATABASE_DOWN', `The database does not answer: ${messageOf(error)}`, {
    cause: error,
  });
}
