/** A core thread for tests: does what its data says, and what it is told. */
import { type Logging, type ThreadSide, threadSide } from '../../src/supervisor/thread-side.js';

interface Data {
  readonly logging: Logging;
  readonly start: 'ready' | 'never' | 'crash' | 'exit';
  /** Ignores the request to end. */
  readonly deaf?: boolean;
}
type Told =
  | { kind: 'echo'; text: string }
  | { kind: 'crash' }
  | { kind: 'exit'; code: number }
  | { kind: 'spin' };

const side: ThreadSide<Data> = threadSide<Data, Told>('fixture', {
  onStop: () => (side.data.deaf === true ? new Promise(() => undefined) : Promise.resolve()),
  onMessage: (told) => {
    if (told.kind === 'echo') side.post({ kind: 'echo', text: told.text });
    else if (told.kind === 'exit') process.exit(told.code);
    else if (told.kind === 'spin') for (;;);
    else
      setImmediate(() => {
        throw new Error('crashed as told');
      });
  },
});
if (side.data.start === 'crash') throw new Error('crashed at load');
if (side.data.start === 'exit') process.exit(0);
if (side.data.start === 'ready') side.ready();
