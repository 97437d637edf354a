/** Entry of the process in which one side of one benchmark lives: `side.js <bench> ours|bare`. */
import { CannotRun, type Side, type SideContext } from './bench.js';
import { servePeer } from './peer.js';
import { loadBench } from './registry.js';

export type SideCommand =
  | {
      readonly kind: 'start';
      readonly bench: string;
      readonly which: 'ours' | 'bare';
      readonly context: SideContext;
    }
  | { readonly kind: 'round'; readonly seconds: number }
  | { readonly kind: 'close' };
export type Started = { readonly cannotRun: string | null };

let side: Side | null = null;

async function start({ bench, which, context }: SideCommand & { kind: 'start' }): Promise<Started> {
  const loaded = await loadBench(bench);
  try {
    side = await loaded[which](context);
    return { cannotRun: null };
  } catch (error) {
    if (error instanceof CannotRun) return { cannotRun: error.message };
    throw error;
  }
}

async function close(): Promise<null> {
  await side?.close();
  side = null;
  return null;
}

servePeer<SideCommand>(async (command) => {
  if (command.kind === 'start') return start(command);
  if (command.kind === 'close') return close();
  if (side === null) throw new Error('this side was not started');
  return side.round(command.seconds);
});
// The harness is gone: databases and containers must not stay behind. Instead of `servePeer`'s plain exit.
process.removeAllListeners('disconnect');
process.on('disconnect', () => void close().finally(() => process.exit(0)));
