import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DiskTarget, spec } from '../workers/disk/spec.js';
import type { Bench, Fixture } from './harness/bench.js';
import { bareLoop } from './shared/loop.js';
import { probeSide } from './shared/probing.js';

/** Checks of one path join each other, so every check in flight needs a path of its own. */
const PATHS = 16;
const paths = (data: unknown): readonly string[] => data as readonly string[];

async function directories(): Promise<Fixture> {
  const root = mkdtempSync(join(tmpdir(), 'matrix-bench-disk-'));
  const data = Array.from({ length: PATHS }, (_, index) => join(root, String(index)));
  for (const path of data) mkdirSync(path);
  return { data, close: async () => rmSync(root, { recursive: true, force: true }) };
}

export const bench: Bench = {
  name: 'disk',
  title: 'Disk probes of a local filesystem',
  group: 'collector',
  unit: 'probe',
  compare: 'cpu',
  peer: 'fs.statfs',
  fixture: directories,
  ours: (context) =>
    probeSide<DiskTarget>(context, {
      spec,
      // Whether the disk is full is not measured here.
      targets: paths(context.data).map((path) => ({ path, warn_percent: 100, inode_warn_percent: 100 })),
      concurrency: PATHS,
    }),
  bare: async (context) => {
    const given = paths(context.data);
    return bareLoop(context, PATHS, (call) => statfs(given[call % PATHS] as string));
  },
};
