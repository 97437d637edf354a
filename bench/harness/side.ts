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
  | { readonly kind: 'round'; readonly seconds: number };
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

servePeer<SideCommand>(async (command) => {
  if (command.kind === 'start') return start(command);
  if (side === null) throw new Error('this side was not started');
  return side.round(command.seconds);
});
// Instead of `servePeer`'s plain exit: databases and directories must not stay behind, whatever a round still does.
process.removeAllListeners('disconnect');
process.on('disconnect', () => void Promise.resolve(side?.close()).finally(() => process.exit(0)));
