/**
 * Where batches wait on disk while the database is away: a directory of segments, one JSON batch a line, written
 * with fsync, read back in order, deleted when queued. Bounded: past `maxBytes` the oldest routine passes go
 * first (with them goes nothing but a number in a chart), then the oldest segment. Every drop is counted.
 */
import { type FileHandle, mkdir, rm } from 'node:fs/promises';
import type { Batch } from '../../schema/messages.js';
import { replaceSynced } from '../config/durable.js';
import { LIMITS } from '../contract/limits.js';
import { resultsIn } from './batches.js';
import { makeRoom, type Shelf } from './room.js';
import {
  findSegments,
  isUnreadable,
  linesOf,
  openForAppend,
  parseLines,
  readRegular,
  type Segment,
  segmentPath,
  setAside,
} from './segment.js';

export interface SpoolOptions {
  readonly directory: string;
  /** Most bytes on disk; default 256 MiB. */
  readonly maxBytes?: number;
  /** A segment is closed when it has grown to this; default 1 MiB, and an eighth of `maxBytes` at most. */
  readonly segmentBytes?: number;
}

export interface OldestSegment {
  readonly batches: readonly Batch[];
  /** Forgets them once they are queued. A file that cannot be removed now is removed later. */
  forget(): Promise<void>;
}

/** One producer uses a spool; its calls are not to overlap. */
export class Spool {
  readonly maxBytes: number;
  /** Results that were dropped because the spool was full or damaged, since this process started. */
  droppedResults = 0;
  /** Segments that were gone or could not be read, since this process started. */
  lostSegments = 0;
  private segments: Segment[] = [];
  private writing: { segment: Segment; handle: FileHandle } | null = null;
  /** What was read last, so that an outage does not read the same segment at each attempt. */
  private last: { segment: Segment; batches: Batch[] } | null = null;
  /** Queued already, but the disk would not let go of them. */
  private readonly undead = new Set<string>();
  /** A number is used once, so that a file which would not go is never written behind. */
  private newest = 0;
  private readonly segmentBytes: number;

  private constructor(
    private readonly directory: string,
    options: SpoolOptions,
  ) {
    this.maxBytes = options.maxBytes ?? LIMITS.spool.value;
    this.segmentBytes =
      options.segmentBytes ?? Math.min(LIMITS.spool_segment.value, Math.ceil(this.maxBytes / 8));
  }

  /** Opens the directory, creating it, and finds what an earlier process left. */
  static async open(options: SpoolOptions): Promise<Spool> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const spool = new Spool(options.directory, options);
    const { segments, unreadable } = await findSegments(options.directory);
    spool.segments = segments;
    spool.lostSegments = unreadable;
    spool.newest = segments.at(-1)?.number ?? 0;
    return spool;
  }

  get bytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** Results that wait in it. */
  get results(): number {
    return this.segments.reduce((sum, segment) => sum + segment.results, 0);
  }

  get empty(): boolean {
    return this.segments.length === 0;
  }

  /** Appends batches durably: when this resolves they survive a power cut. Rejects with all of them or none kept. */
  async append(batches: readonly Batch[]): Promise<void> {
    if (batches.length === 0) return;
    const text = linesOf(batches);
    const results = resultsIn(batches);
    if (text.length > this.maxBytes) {
      this.droppedResults += results;
      return;
    }
    await this.makeRoom(text.length);
    if (await this.wrote(text)) return this.appended(text, results);
    // Somebody removed the file under our hands.
    if (!(await this.wrote(text))) throw new Error(`the files in ${this.directory} are being removed`);
    await this.appended(text, results);
  }

  /** The oldest segment's batches and how to forget them; null when empty. */
  async oldest(): Promise<OldestSegment | null> {
    const segment = this.segments[0];
    if (segment === undefined) return null;
    if (this.writing?.segment === segment) await this.closeCurrent();
    const batches = await this.read(segment);
    return { batches, forget: () => this.remove(segment) };
  }

  async close(): Promise<void> {
    await this.closeCurrent();
  }

  private path(segment: Segment): string {
    return segmentPath(this.directory, segment.number);
  }

  /** The segment that grows, made where there is none. */
  private async current(): Promise<{ segment: Segment; handle: FileHandle }> {
    if (this.writing !== null) return this.writing;
    const number = this.newest + 1;
    const handle = await openForAppend(this.directory, number).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      await mkdir(this.directory, { recursive: true, mode: 0o700 });
      return openForAppend(this.directory, number);
    });
    this.newest = number;
    const segment: Segment = { number, bytes: 0, results: 0, level: 'plain' };
    this.segments.push(segment);
    this.writing = { segment, handle };
    return this.writing;
  }

  /** Writes behind what is confirmed; false when the file has no name any more. Rejects as the disk does. */
  private async wrote(text: Buffer): Promise<boolean> {
    const { segment, handle } = await this.current();
    try {
      await handle.writeFile(text);
      await handle.datasync();
      if ((await handle.stat()).nlink > 0) return true;
    } catch (error) {
      // Half a line in front of the next one would spoil that one too.
      await handle.truncate(segment.bytes).catch(() => this.closeCurrent());
      if (segment.bytes === 0) await this.remove(segment);
      throw error;
    }
    await this.lose(segment);
    return false;
  }

  private async appended(text: Buffer, results: number): Promise<void> {
    const segment = this.segments.at(-1);
    if (segment === undefined) return;
    segment.bytes += text.length;
    segment.results += results;
    if (segment.bytes >= this.segmentBytes) await this.closeCurrent();
  }

  private async closeCurrent(): Promise<boolean> {
    const { writing } = this;
    this.writing = null;
    await writing?.handle.close();
    return writing !== null;
  }

  private async read(segment: Segment): Promise<Batch[]> {
    if (this.last?.segment === segment) return this.last.batches;
    const text = await this.readText(segment);
    if (text === null) return [];
    const { batches, unreadableResults } = parseLines(text);
    this.droppedResults += unreadableResults;
    segment.results -= unreadableResults;
    this.last = { segment, batches };
    return batches;
  }

  /**
   * A segment that cannot be read must not hold up everything behind it: one that somebody removed is empty, one
   * that the disk will not give back is set aside for a person to look at. Anything else may pass by itself.
   */
  private async readText(segment: Segment): Promise<Buffer | null> {
    try {
      return await readRegular(this.path(segment), segment.bytes);
    } catch (error) {
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isGone && !isUnreadable(error)) throw error;
      if (!isGone) await setAside(this.path(segment));
      await this.lose(segment);
      return null;
    }
  }

  /** Its results are gone, through nobody's choice. */
  private async lose(segment: Segment): Promise<void> {
    this.lostSegments += 1;
    this.droppedResults += segment.results;
    await this.remove(segment);
  }

  private async remove(segment: Segment): Promise<void> {
    if (this.writing?.segment === segment) await this.closeCurrent();
    if (this.last?.segment === segment) this.last = null;
    this.segments = this.segments.filter((other) => other !== segment);
    this.undead.add(this.path(segment));
    for (const file of this.undead) {
      await rm(file, { force: true }).then(
        () => this.undead.delete(file),
        () => undefined,
      );
    }
  }

  private async makeRoom(bytes: number): Promise<void> {
    const shelf: Shelf = {
      isFull: () => this.bytes + bytes > this.maxBytes,
      closed: () => this.segments.filter((segment) => segment !== this.writing?.segment),
      closeCurrent: () => this.closeCurrent(),
      file: (segment) => this.path(segment),
      read: (segment) => this.read(segment),
      replace: (segment, batches) => this.replace(segment, batches),
      drop: (segment) => this.drop(segment),
    };
    await makeRoom(shelf);
  }

  private async replace(segment: Segment, batches: readonly Batch[]): Promise<void> {
    // Reading it may have shown that it is gone.
    if (!this.segments.includes(segment)) return;
    const text = linesOf(batches);
    await replaceSynced(this.path(segment), text);
    this.last = null;
    const results = resultsIn(batches);
    this.droppedResults += segment.results - results;
    segment.bytes = text.length;
    segment.results = results;
  }

  private async drop(segment: Segment): Promise<void> {
    this.droppedResults += segment.results;
    await this.remove(segment);
  }
}
