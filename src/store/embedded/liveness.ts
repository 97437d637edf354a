/**
 * Finds out that a server which runs does not answer: frozen, or waiting for a disk that says nothing. Its process
 * lives, so nothing else would notice, and every part of Matrix would wait for it for ever.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { messageOf } from '../../contract/errors.js';
import { endClient } from '../pool.js';

/** Pause between questions, and the time for an answer, in ms. */
const ASK_EVERY_MS = 5_000;
const ANSWER_MS = 5_000;
/** Questions in a row without an answer until it is said, and until it is given up: after about 15 and 35 s. */
const SAID_AFTER = 2;
const GIVEN_UP_AFTER = 4;

export interface LivenessOptions {
  readonly url: string;
  readonly signal: AbortSignal;
  readonly log: { warn(fields: object, message: string): void };
  /** For tests; default 5,000 each. */
  readonly askEveryMs?: number;
  readonly answerMs?: number;
}

/** Resolves with a sentence when the server has given no answer for about 35 s; with null when aborted. */
export async function untilSilent(options: LivenessOptions): Promise<string | null> {
  const { url, signal, log, askEveryMs = ASK_EVERY_MS, answerMs = ANSWER_MS } = options;
  let misses = 0;
  while (await slept(askEveryMs, signal)) {
    const asked = performance.now();
    const problem = await ask(url, answerMs);
    const tookMs = performance.now() - asked;
    // This very thread stood still, or the machine was suspended: that says nothing about the server.
    if (problem === null || tookMs > 2 * answerMs) misses = 0;
    else misses += 1;
    if (misses === SAID_AFTER)
      log.warn({ event: 'store_silent', error: problem }, 'the embedded database runs but does not answer');
    if (misses === GIVEN_UP_AFTER) return `it runs but does not answer (${problem})`;
  }
  return null;
}

/**
 * Asks on a session of its own, so that the postmaster is asked too; answers why there was no answer, or null. A
 * refusal is an answer: a server that recovers, or has no session left, works.
 */
async function ask(url: string, withinMs: number): Promise<string | null> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: withinMs });
  client.on('error', () => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${withinMs} ms`), withinMs);
  });
  const answer = (async (): Promise<string | null> => {
    try {
      await client.connect();
      await client.query('select 1');
      return null;
    } catch (error) {
      return isSqlState((error as { code?: unknown }).code) ? null : messageOf(error);
    }
  })();
  const problem = await Promise.race([answer, late]);
  clearTimeout(timer);
  await endClient(client);
  return problem;
}

/** Five characters with a digit; the errors of sockets (EPIPE) have none. */
function isSqlState(code: unknown): boolean {
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code);
}

async function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}
