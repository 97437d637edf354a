/** Makes room in a full spool: the oldest routine passes go first, then the oldest segment. */
import { rm } from 'node:fs/promises';
import type { Batch } from '../../schema/messages.js';
import { declarationOf, withoutRoutine } from './routine.js';
import type { Segment } from './segment.js';

/** What making room needs of a spool. */
export interface Shelf {
  isFull(): boolean;
  /** Segments that nothing is appended to any more, oldest first. */
  closed(): readonly Segment[];
  /** Ends the segment that grows; false when there is none. */
  closeCurrent(): Promise<boolean>;
  file(segment: Segment): string;
  read(segment: Segment): Promise<Batch[]>;
  /** Writes these in place of what is in it; what is missing counts as dropped. */
  replace(segment: Segment, batches: readonly Batch[]): Promise<void>;
  drop(segment: Segment): Promise<void>;
}

/**
 * Takes out step by step until it is no longer full. Each step leaves less in one segment, so this ends. Rejects
 * when the disk takes no change at all (read-only, failing): then nothing is given up for room that is not made.
 */
export async function makeRoom(shelf: Shelf): Promise<void> {
  while (shelf.isFull()) {
    const closed = shelf.closed();
    const plain = closed.find(({ level }) => level === 'plain');
    const full = closed.find(({ level }) => level !== 'hollow');
    if (plain !== undefined) await strip(shelf, plain);
    else if (full !== undefined) await hollow(shelf, full);
    else if (!(await shelf.closeCurrent()) && closed[0] !== undefined) await shelf.drop(closed[0]);
  }
}

/** Takes out the routine passes. */
async function strip(shelf: Shelf, segment: Segment): Promise<void> {
  // A copy needs room of its own, and the disk may be as full as the spool: then the next step is taken.
  await shelf.replace(segment, withoutRoutine(await shelf.read(segment))).catch(unlessRefused);
  segment.level = 'stripped';
}

/** Drops it but for the newest declaration, which replaces those of earlier hollow ones. */
async function hollow(shelf: Shelf, segment: Segment): Promise<void> {
  const declaration = declarationOf(await shelf.read(segment));
  if (declaration === null) return shelf.drop(segment);
  try {
    await shelf.replace(segment, [declaration]).catch(async (error: unknown) => {
      unlessRefused(error);
      // On a full disk the old one must go before there is room for the new one.
      await rm(shelf.file(segment), { force: true });
      await shelf.replace(segment, [declaration]);
    });
  } catch (error) {
    unlessRefused(error);
    return shelf.drop(segment);
  }
  segment.level = 'hollow';
  const closed = shelf.closed();
  const earlier = closed.slice(0, closed.indexOf(segment));
  for (const other of earlier.filter(({ level }) => level === 'hollow')) await shelf.drop(other);
}

function unlessRefused(error: unknown): void {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EROFS' || code === 'EIO') throw error;
}
