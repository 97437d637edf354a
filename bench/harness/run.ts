/** Runs one benchmark: its fixture, its two sides, their rounds in turn. */
import { type Bench, CannotRun, type Fixture, type Round } from './bench.js';
import { type Peer, startPeer } from './peer.js';
import type { SideCommand, Started } from './side.js';

export interface RunOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly scale: number;
  readonly onStep: (step: string) => void;
}

export interface Pair {
  readonly ours: Round;
  readonly bare: Round;
}

/** What came of a benchmark; `problem` says why there is nothing, or less than was asked for. */
export interface Outcome {
  readonly bench: Bench;
  readonly pairs: readonly Pair[];
  readonly problem: string | null;
}

const SIDE = new URL('./side.js', import.meta.url);
/** Compiling and filling caches is no part of a steady state, in s. */
const WARM_UP_S = 0.7;

/** Never rejects: a benchmark that fails must not take the others along. */
export async function runBench(bench: Bench, options: RunOptions): Promise<Outcome> {
  const pairs: Pair[] = [];
  let fixture: Fixture | undefined;
  const sides: Peer[] = [];
  try {
    options.onStep('starting');
    fixture = await bench.fixture?.(options.scale);
    const ours = await startSide(bench, 'ours', fixture, options);
    sides.push(ours);
    const bare = await startSide(bench, 'bare', fixture, options);
    sides.push(bare);
    const round = (side: Peer, seconds: number) =>
      side.ask<Round>({ kind: 'round', seconds } satisfies SideCommand);
    if (bench.compare !== 'time') {
      options.onStep('warming up');
      for (const side of sides) await round(side, Math.min(WARM_UP_S, options.seconds));
    }
    for (let number = 1; number <= options.rounds; number += 1) {
      options.onStep(`round ${number} of ${options.rounds}`);
      pairs.push({ ours: await round(ours, options.seconds), bare: await round(bare, options.seconds) });
    }
    return { bench, pairs, problem: null };
  } catch (error) {
    const problem =
      error instanceof CannotRun
        ? error.message
        : `failed: ${error instanceof Error ? error.message : error}`;
    return { bench, pairs, problem };
  } finally {
    for (const side of sides) await side.close();
    await fixture?.close();
  }
}

async function startSide(
  bench: Bench,
  which: 'ours' | 'bare',
  fixture: Fixture | undefined,
  { scale }: RunOptions,
): Promise<Peer> {
  const context = { data: fixture?.data, reported: fixture?.reported ?? {}, scale };
  const side = await startPeer<Started>(
    SIDE,
    { kind: 'start', bench: bench.name, which, context } satisfies SideCommand,
    { ...process.env, ...fixture?.env },
  );
  if (side.answer.cannotRun === null) return side;
  await side.close();
  throw new CannotRun(side.answer.cannotRun);
}
