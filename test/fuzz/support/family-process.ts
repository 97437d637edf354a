/** A family in a process of its own (`family-child.ts`), and what every result of it must be. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FamilySpec } from '../../../src/contract/family.js';
import { LIMITS } from '../../../src/contract/limits.js';
import type { Result } from '../../../src/contract/result.js';
import type { FromChild, ToChild } from './family-child.js';

const CHILD = fileURLToPath(new URL('./family-child.js', import.meta.url));
/** Beyond its timeout, for a machine that does much else meanwhile. */
const MARGIN_MS = 10_000;

export interface FamilyProcess {
  /** One check; resolves with all its results, rejects when none come or the process ends. */
  ask(config: Readonly<Record<string, unknown>>, timeoutMs: number): Promise<readonly Result[]>;
  /** Most memory that the process has ever held. */
  peakBytes(): Promise<number>;
  /** What happened to its threads, one text an event. */
  readonly events: readonly string[];
  stop(): Promise<void>;
}

/** Starts it and waits until its thread is loaded. `env` is laid over this process's own. */
export async function startFamily(name: string, env: Record<string, string> = {}): Promise<FamilyProcess> {
  const child = fork(CHILD, [name], { env: { ...process.env, ...env }, stdio: ['ignore', 2, 2, 'ipc'] });
  const events: string[] = [];
  const waiting = new Map<string, { resolve(value: never): void; reject(error: Error): void }>();
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const wait = <T>(key: string, withinMs: number): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${key}: no answer in ${withinMs} ms`)), withinMs);
      void gone.then(() => reject(new Error(`${key}: the process ended; ${events.join(' ')}`)));
      waiting.set(key, { resolve, reject });
      const done = () => clearTimeout(late);
      gone.then(done, done);
    }).finally(() => waiting.delete(key));
  child.on('message', (message: FromChild) => {
    if (message.kind === 'event') events.push(message.text);
    else if (message.kind === 'results') waiting.get(message.name)?.resolve(message.results as never);
    else waiting.get(message.kind)?.resolve((message.kind === 'memory' ? message.peakBytes : null) as never);
  });
  const say = (message: ToChild): boolean => child.send(message);
  await wait('ready', 60_000);
  let count = 0;
  return {
    events,
    ask(config, timeoutMs) {
      const key = `check ${++count}`;
      const results = wait<readonly Result[]>(key, timeoutMs + MARGIN_MS + 5_000);
      say({ kind: 'ask', name: key, timeoutMs, config });
      return results;
    },
    peakBytes() {
      const bytes = wait<number>('memory', MARGIN_MS);
      say({ kind: 'memory' });
      return bytes;
    },
    stop: () => end(child, gone),
  };
}

async function end(child: ChildProcess, gone: Promise<void>): Promise<void> {
  if (child.connected) child.disconnect();
  await gone;
}

/** The host cuts a probe off sooner than this after its deadline, in ms. */
const LATE_MS = 500;

/** Holds the results of one check to what the house may rely on; `input` is told when they break it. */
export function assertSound(
  spec: FamilySpec,
  results: readonly Result[],
  timeoutMs: number,
  input: string,
): void {
  assert.ok(results.length > 0, `no result for ${input}`);
  for (const result of results) {
    const { verdict, code, detail, durationMs, service, measurements = [] } = result;
    const told = `${JSON.stringify(result).slice(0, 600)} for ${input}`;
    // On a machine that was too busy to look at the clock in time, and only there, the host has the word.
    const stoodStill = verdict === 'unknown' && code === 'probe_overrun' && durationMs > timeoutMs + LATE_MS;
    if (verdict === 'pass') assert.equal(code, undefined, told);
    else if (!stoodStill)
      assert.ok(code !== undefined && Object.hasOwn(spec.codes, code), `not a code of the family: ${told}`);
    assert.ok(detail.length > 0 && detail.length <= LIMITS.detail_chars.value, told);
    assert.doesNotMatch(detail + service, /\p{Cc}|\[object |undefined|NaN/u, told);
    assert.ok((detail + service).isWellFormed(), told);
    assert.ok(durationMs >= 0 && durationMs < timeoutMs + MARGIN_MS, told);
    for (const { value } of measurements) assert.ok(Number.isFinite(value), told);
    for (const fact of Object.values(result.facts ?? {})) assert.ok(typeof fact !== 'object', told);
  }
}

/** Far above what sound checks cost, far below what one endless answer would: they come at gigabytes a second. */
const GROWTH_BYTES = 160 * 1024 * 1024;

/** Does the work, then makes sure that no thread of these was restarted and that their memory did not grow. */
export async function bounded(
  families: readonly FamilyProcess[],
  work: () => Promise<void>,
  growthBytes: number = GROWTH_BYTES,
): Promise<void> {
  const before = await Promise.all(families.map((family) => family.peakBytes()));
  await work();
  const now = await Promise.all(families.map((family) => family.peakBytes()));
  for (const [index, family] of families.entries()) {
    const faults = family.events.filter((text) => !text.includes('"kind":"started"'));
    assert.deepEqual(faults, [], 'a thread was restarted');
    const grown = (now[index] ?? 0) - (before[index] ?? 0);
    assert.ok(grown < growthBytes, `the process grew by ${Math.round(grown / 1024 / 1024)} MB`);
  }
}
