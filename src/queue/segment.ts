/** One file of the spool: a JSON batch a line, written with fsync, read back whole. */
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Batch } from '../../schema/messages.js';
import { syncDirectory } from '../config/durable.js';

export interface Segment {
  readonly number: number;
  /** Bytes that are known to be on disk; what an append that failed may have left behind them is not read. */
  bytes: number;
  /** Results in it. */
  results: number;
  /** How much was taken out of it already to make room. */
  level: 'plain' | 'stripped' | 'hollow';
}

/** Errors of a file that will not be better the next time. */
const UNREADABLE: ReadonlySet<string> = new Set(['EIO', 'EACCES', 'EPERM', 'EISDIR', 'ENXIO', 'ENODEV']);

const SEGMENT_NAME = /^(\d{10}|[1-9]\d{10,14})\.jsonl$/;
const RESULT_MARK = '"dueAt":';

export const segmentPath = (directory: string, number: number): string =>
  join(directory, `${String(number).padStart(10, '0')}.jsonl`);

export function linesOf(batches: readonly Batch[]): Buffer {
  return Buffer.from(batches.map((batch) => `${JSON.stringify(batch)}\n`).join(''));
}

/** Results in serialised batches without parsing them: inside a JSON string the mark's quotes are escaped. */
export function countResults(text: Buffer | string): number {
  let count = 0;
  for (let at = text.indexOf(RESULT_MARK); at >= 0; at = text.indexOf(RESULT_MARK, at + 1)) count += 1;
  return count;
}

/**
 * The first `maxBytes` of a regular file. Opened without blocking: a FIFO of that name would hold one of the few
 * threads that all file access shares, for ever. Rejects with EISDIR for what is no regular file.
 */
export async function readRegular(file: string, maxBytes = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw Object.assign(new Error(`${file} is no regular file`), { code: 'EISDIR' });
    const text = Buffer.alloc(Math.min(stats.size, maxBytes));
    let filled = 0;
    while (filled < text.length) {
      const { bytesRead } = await handle.read(text, filled, text.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return text.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

/** Whether an error says that this file will never be read; one that is gone (ENOENT) is a case of its own. */
export function isUnreadable(error: unknown): boolean {
  return UNREADABLE.has((error as NodeJS.ErrnoException).code ?? '');
}

/** Puts a file that cannot be used where a person can look at it. Never rejects. */
export async function setAside(file: string): Promise<void> {
  await rename(file, `${file}.bad`).catch(() =>
    rename(file, `${file}.bad-${Date.now()}`).catch(() => undefined),
  );
}

/**
 * The segments that an earlier process left, oldest first, and how many could not be read. What is no regular
 * file, or cannot be read, is set aside; halves of copies are removed.
 */
export async function findSegments(directory: string): Promise<{ segments: Segment[]; unreadable: number }> {
  const names = await readdir(directory);
  for (const name of names.filter((each) => each.endsWith('.jsonl.tmp'))) {
    const file = join(directory, name);
    await rm(file, { force: true }).catch(() => setAside(file));
  }
  const numbers = names.flatMap((name) => (SEGMENT_NAME.test(name) ? [Number.parseInt(name, 10)] : []));
  const segments: Segment[] = [];
  for (const number of numbers.sort((a, b) => a - b)) {
    const file = segmentPath(directory, number);
    try {
      const text = await readRegular(file);
      segments.push({ number, bytes: text.length, results: countResults(text), level: 'plain' });
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      await setAside(file);
    }
  }
  return { segments, unreadable: numbers.length - segments.length };
}

/** Batches and how many results were in lines that are no JSON: torn by a power cut, or damaged. */
export function parseLines(text: Buffer): { batches: Batch[]; unreadableResults: number } {
  const batches: Batch[] = [];
  let unreadableResults = 0;
  for (const line of text.toString('utf8').split('\n')) {
    if (line === '') continue;
    try {
      batches.push(JSON.parse(line) as Batch);
    } catch {
      unreadableResults += countResults(line);
    }
  }
  return { batches, unreadableResults };
}

/** Opens a segment for appending and makes its name survive a power cut. */
export async function openForAppend(directory: string, number: number): Promise<FileHandle> {
  const handle = await open(segmentPath(directory, number), 'a', 0o600);
  try {
    await syncDirectory(directory);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
