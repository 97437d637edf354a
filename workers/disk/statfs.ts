/**
 * Asks a filesystem for its counts without ever being held by it.
 *
 * `statfs` on a mount whose server is gone blocks a thread of libuv's pool for ever. Nothing can abort that,
 * the other users of the pool (names, files, other checks) run short, and, measured on Node 20, neither the
 * worker thread can be terminated nor the process exit. So a path is first asked from a helper process, which
 * can be killed; only when the answer shows a filesystem of this machine's own disks or memory is the pool used
 * from then on. A helper costs about 50 ms of CPU, a call in the pool some 20 µs.
 */
import { spawn } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { BoundedMap } from '../../src/contract/bounded-map.js';
import { LIMITS } from '../../src/contract/limits.js';
import type { FsCounts, Mount } from './usage.js';

export type StatfsAnswer =
  | { readonly kind: 'counts'; readonly counts: FsCounts; readonly mount: Mount | null }
  /** The filesystem, or the way to it, answered with this error code (`ENOENT`, `EIO`). */
  | { readonly kind: 'error'; readonly code: string }
  /** The filesystem was asked and did not answer before the helper was killed. */
  | { readonly kind: 'silent' }
  /** The helper could not be started, or was not running in time: this machine's fault. */
  | { readonly kind: 'not_asked'; readonly code: string };

/** ext, xfs, btrfs, tmpfs, ramfs, overlay, zfs, f2fs, bcachefs, vfat, exfat, ntfs3, iso9660, squashfs, erofs. */
const OWN_TYPES: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x858458f6, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0xca451a4e,
  0x4d44, 0x2011bab0, 0x7366746e, 0x9660, 0x73717368, 0xe0f5e1e2,
]);

const HELPER = fileURLToPath(new URL('./statfs-child.js', import.meta.url));

interface Known {
  readonly counts: FsCounts;
  readonly mount: Mount | null;
}

/** A question under way. */
interface Question {
  readonly answer: Promise<StatfsAnswer>;
  /** Settles when nothing of the question is left behind; not before `answer`. */
  readonly over: Promise<unknown>;
}

/** Paths whose last answer came from a filesystem that may be asked in the pool. */
export const known = new BoundedMap<string, Known>(LIMITS.known_paths.value);
const inFlight = new Map<string, Question>();

/**
 * The counts of the filesystem that holds `path`. At most one question per path is under way; later callers join
 * it. A helper is killed when `signal` of the caller who started it aborts: his answer is then `silent` or
 * `not_asked`, and those who joined start anew once it is gone. A question in the pool cannot be ended, nor can
 * the wait for a helper that resists its killing, so race this against `signal`. Never rejects.
 */
export async function askFilesystem(path: string, signal: AbortSignal): Promise<StatfsAnswer> {
  let silentSoFar = false;
  while (!signal.aborted) {
    const asked = inFlight.get(path);
    const answer = await (asked ?? start(path, signal)).answer;
    // A helper begun in the last moment may be killed before it runs; what was heard before then stands.
    if (asked === undefined) return answer.kind === 'not_asked' && silentSoFar ? { kind: 'silent' } : answer;
    if (answer.kind === 'counts' || answer.kind === 'error') return answer;
    silentSoFar ||= answer.kind === 'silent';
    await asked.over;
  }
  return { kind: 'silent' };
}

function start(path: string, signal: AbortSignal): Question {
  const before = known.get(path);
  const question = before === undefined ? askInHelper(path, signal) : askInPool(path, before);
  inFlight.set(path, question);
  void question.over.then(() => inFlight.delete(path));
  return question;
}

function askInPool(path: string, before: Known): Question {
  const answer = statfs(path).then<StatfsAnswer, StatfsAnswer>(
    (counts) => {
      // Another type or size: something else may be mounted there now, so the helper goes first again.
      const same = counts.type === before.counts.type && counts.blocks === before.counts.blocks;
      if (!same) known.delete(path);
      return { kind: 'counts', counts, mount: same ? before.mount : null };
    },
    (error: NodeJS.ErrnoException) => {
      known.delete(path);
      return { kind: 'error', code: error.code ?? 'EUNKNOWN' };
    },
  );
  return { answer, over: answer };
}

function askInHelper(path: string, signal: AbortSignal): Question {
  let over: () => void = () => {};
  const gone = new Promise<void>((resolve) => {
    over = resolve;
  });
  const answer = new Promise<StatfsAnswer>((resolve) => {
    runHelper(path, signal, resolve, over);
  });
  return { answer: answer.then((said) => remember(path, said)), over: gone };
}

function remember(path: string, answer: StatfsAnswer): StatfsAnswer {
  if (answer.kind !== 'counts' || !OWN_TYPES.has(answer.counts.type)) return answer;
  known.set(path, answer);
  return answer;
}

function runHelper(
  path: string,
  signal: AbortSignal,
  answer: (said: StatfsAnswer) => void,
  over: () => void,
): void {
  let output = '';
  const cutOff = () => {
    helper.kill('SIGKILL');
    answer(
      parseHelper(output) ?? (output === '' ? { kind: 'not_asked', code: 'EAGAIN' } : { kind: 'silent' }),
    );
  };
  const end = (said: StatfsAnswer) => {
    signal.removeEventListener('abort', cutOff);
    answer(said);
    over();
  };
  // No inherited NODE_OPTIONS: a loader or inspector meant for Matrix would slow or break the helper.
  const env = { ...process.env, NODE_OPTIONS: '' };
  const helper = spawn(process.execPath, [HELPER, path], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  helper.once('error', (error: NodeJS.ErrnoException) =>
    end({ kind: 'not_asked', code: error.code ?? 'EUNKNOWN' }),
  );
  helper.once('close', (exit, killedBy) => {
    end(parseHelper(output) ?? { kind: 'not_asked', code: killedBy ?? `exit ${exit}` });
  });
  signal.addEventListener('abort', cutOff);
  // Without a free file descriptor there is no pipe, and `error` tells it.
  const stdout = helper.stdout as Readable | undefined;
  stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.length > LIMITS.helper_output.value) helper.kill('SIGKILL');
  });
}

/** What the helper said; undefined when it had not come to its answer. Never throws, whatever was printed. */
export function parseHelper(output: string): StatfsAnswer | undefined {
  const [, line, rest] = output.split('\n');
  if (line === undefined || rest === undefined) return undefined;
  try {
    const said: unknown = JSON.parse(line);
    if (typeof said === 'object' && said !== null) {
      if ('code' in said && typeof said.code === 'string') return { kind: 'error', code: said.code };
      const mount = 'mount' in said ? said.mount : null;
      if ('counts' in said && isCounts(said.counts) && isMount(mount)) {
        return { kind: 'counts', counts: said.counts, mount };
      }
    }
  } catch {
    // Falls through: something else than the helper wrote there.
  }
  return { kind: 'not_asked', code: 'EPROTO' };
}

const COUNTS = ['type', 'bsize', 'blocks', 'bfree', 'bavail', 'files', 'ffree'] as const;

function isCounts(value: unknown): value is FsCounts {
  return (
    typeof value === 'object' &&
    value !== null &&
    COUNTS.every((key) => typeof Reflect.get(value, key) === 'number')
  );
}

function isMount(value: unknown): value is Mount | null {
  if (typeof value !== 'object') return false;
  return (
    value === null ||
    ['path', 'device', 'filesystem'].every((key) => typeof Reflect.get(value, key) === 'string')
  );
}
