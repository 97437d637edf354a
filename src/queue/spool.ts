/**
 * Where batches wait on disk while the database is away: a directory of segments, one JSON batch a line, written
 * with fsync, read back in order, deleted when stored. Bounded: past `maxBytes` the oldest routine passes go
 * first (with them goes nothing but a number in a chart), then the oldest segment. Every drop is counted.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Batch } from '../../schema/messages.js';
import { syncDirectory } from '../config/durable.js';

export interface SpoolOptions {
  readonly directory: string;
  /** Most bytes on disk; default 256 MiB. */
  readonly maxBytes?: number;
  /** A segment is closed when it has grown to this; default 1 MiB. */
  readonly segmentBytes?: number;
}

interface Segment {
  readonly number: number;
  bytes: number;
  stripped: boolean;
}

/** Errors of a file that will not be better the next time. */
const UNREADABLE: ReadonlySet<string> = new Set(['EIO', 'EACCES', 'EPERM', 'EISDIR']);

const fileName = (number: number): string => `${String(number).padStart(10, '0')}.jsonl`;

/** One producer uses a spool; its calls are not to overlap. */
export class Spool {
  /** Results that were dropped because the spool was full, since this process started. */
  droppedResults = 0;
  /** Segments that were gone or could not be read, since this process started. */
  lostSegments = 0;
  private segments: Segment[] = [];
  private writing: { segment: Segment; handle: FileHandle } | null = null;
  private readonly maxBytes: number;
  private readonly segmentBytes: number;

  private constructor(
    private readonly directory: string,
    options: SpoolOptions,
  ) {
    this.maxBytes = options.maxBytes ?? 256 * 1024 * 1024;
    this.segmentBytes = options.segmentBytes ?? 1024 * 1024;
  }

  /** Opens the directory, creating it, and finds what an earlier process left. */
  static async open(options: SpoolOptions): Promise<Spool> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const spool = new Spool(options.directory, options);
    const found = await readdir(options.directory);
    for (const name of found.filter((each) => each.endsWith('.tmp'))) {
      await rm(join(options.directory, name), { force: true });
    }
    const names = found.filter((name) => /^\d{10}\.jsonl$/.test(name)).sort();
    for (const name of names) {
      const { size } = await stat(join(options.directory, name));
      spool.segments.push({ number: Number.parseInt(name, 10), bytes: size, stripped: false });
    }
    return spool;
  }

  get bytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  get empty(): boolean {
    return this.segments.length === 0;
  }

  /** Appends batches durably: when this resolves they survive a power cut. */
  async append(batches: readonly Batch[]): Promise<void> {
    if (batches.length === 0) return;
    const text = Buffer.from(batches.map((batch) => `${JSON.stringify(batch)}\n`).join(''));
    await this.makeRoom(text.length);
    const { segment, handle } = await this.current();
    try {
      await handle.writeFile(text);
      await handle.datasync();
    } catch (error) {
      // Half a line in front of the next one would spoil that one too.
      await handle.truncate(segment.bytes).catch(() => this.closeCurrent());
      throw error;
    }
    segment.bytes += text.length;
    if (segment.bytes >= this.segmentBytes) await this.closeCurrent();
  }

  /** The oldest segment's batches and how to forget them once they are stored; null when empty. */
  async oldest(): Promise<{ batches: Batch[]; forget(): Promise<void> } | null> {
    const segment = this.segments[0];
    if (segment === undefined) return null;
    if (this.writing?.segment === segment) await this.closeCurrent();
    const batches = await this.read(segment);
    return {
      batches,
      forget: async () => {
        await rm(this.path(segment), { force: true });
        this.segments = this.segments.filter((other) => other !== segment);
      },
    };
  }

  async close(): Promise<void> {
    await this.closeCurrent();
  }

  private path(segment: Segment): string {
    return join(this.directory, fileName(segment.number));
  }

  private async current(): Promise<{ segment: Segment; handle: FileHandle }> {
    if (this.writing !== null) return this.writing;
    const segment = { number: (this.segments.at(-1)?.number ?? 0) + 1, bytes: 0, stripped: false };
    const handle = await open(this.path(segment), 'a', 0o600);
    await syncDirectory(this.directory);
    this.segments.push(segment);
    this.writing = { segment, handle };
    return this.writing;
  }

  private async closeCurrent(): Promise<void> {
    const writing = this.writing;
    this.writing = null;
    await writing?.handle.close();
  }

  /** A torn last line is what a power cut leaves of an append that had not been confirmed: it is skipped. */
  private async read(segment: Segment): Promise<Batch[]> {
    const text = await this.readText(segment);
    const batches: Batch[] = [];
    for (const line of text.split('\n')) {
      if (line === '') continue;
      try {
        batches.push(JSON.parse(line) as Batch);
      } catch {
        this.droppedResults += 1;
      }
    }
    return batches;
  }

  /**
   * A segment that cannot be read must not hold up everything behind it: one that somebody removed is empty, one
   * that the disk will not give back is set aside for a person to look at. Anything else may pass by itself.
   */
  private async readText(segment: Segment): Promise<string> {
    try {
      return await readFile(this.path(segment), 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && !UNREADABLE.has(code ?? '')) throw error;
      this.lostSegments += 1;
      if (code !== 'ENOENT') await rename(this.path(segment), `${this.path(segment)}.bad`);
      return '';
    }
  }

  private async makeRoom(bytes: number): Promise<void> {
    while (this.bytes + bytes > this.maxBytes) {
      const plain = this.segments.find((segment) => !segment.stripped && segment !== this.writing?.segment);
      if (plain !== undefined) {
        await this.strip(plain);
        continue;
      }
      if (this.writing !== null && this.segments.length === 1) {
        await this.closeCurrent();
        continue;
      }
      const [oldest] = this.segments;
      if (oldest === undefined) return;
      this.droppedResults += (await this.read(oldest)).reduce((sum, batch) => sum + batch.results.length, 0);
      await rm(this.path(oldest), { force: true });
      this.segments = this.segments.filter((segment) => segment !== oldest);
    }
  }

  /** Drops the routine passes of a segment: those that follow a pass. What ends an outage stays. */
  private async strip(segment: Segment): Promise<void> {
    const batches = await this.read(segment);
    const last = new Map<string, string>();
    // A probe call is kept or dropped whole: a service missing from a kept call would count as gone.
    const call = (result: Batch['results'][number]): string => `${result.target}\n${result.dueAt}`;
    const telling = new Set<string>();
    for (const result of batches.flatMap((batch) => batch.results)) {
      if (result.verdict !== 'pass' || last.get(result.service) !== 'pass') telling.add(call(result));
      last.set(result.service, result.verdict);
    }
    const kept = batches.map((batch) => ({
      ...batch,
      results: batch.results.filter((result) => telling.has(call(result))),
    }));
    this.droppedResults += batches.reduce((sum, batch, index) => {
      return sum + batch.results.length - (kept[index]?.results.length ?? 0);
    }, 0);
    const text = Buffer.from(kept.map((batch) => `${JSON.stringify(batch)}\n`).join(''));
    const temporary = `${this.path(segment)}.tmp`;
    const handle = await open(temporary, 'w', 0o600);
    await handle.writeFile(text);
    await handle.datasync();
    await handle.close();
    await rename(temporary, this.path(segment));
    segment.bytes = text.length;
    segment.stripped = true;
  }
}
