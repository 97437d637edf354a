/** Thread of the writer: the only one that stores results, so that a slow database slows nothing else. */
import { type Logging, threadSide } from '../src/supervisor/thread-side.js';
import { Writer } from '../src/writer/writer.js';

export interface WriterData {
  readonly url: string;
  readonly sqlDirectory: string;
  readonly customerId: string;
  readonly node: string;
  readonly cycleMs: number;
  readonly logging: Logging;
}

const side = threadSide<WriterData>('writer', {
  onStop: async () => {
    writer.stop();
    await ended;
  },
});
const { logging: _, ...options } = side.data;
const writer = new Writer({
  ...options,
  log: side.log,
  onReady: () => side.post({ kind: 'schema_ready' }),
  onChanges: (changes) => side.post({ kind: 'changes', changes }),
  onStats: (stats) => side.post({ kind: 'stats', stats }),
});
const ended = writer.run();
side.ready();
