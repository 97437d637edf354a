/** Thread of the embedded database: keeps PostgreSQL running and says where it is. */
import { messageOf } from '../src/contract/errors.js';
import { type Embedded, startEmbedded } from '../src/store/embedded/index.js';
import { type Logging, threadSide } from '../src/supervisor/thread-side.js';

let embedded: Embedded | null = null;
let stopping = false;

const side = threadSide<{ dataDir: string; logging: Logging }>('store', {
  onStop: async () => {
    stopping = true;
    await embedded?.stop();
  },
});

try {
  embedded = await startEmbedded({ dataDir: side.data.dataDir, log: side.log });
} catch (error) {
  side.post({
    kind: 'failed',
    message: messageOf(error),
    code: (error as { code?: string }).code ?? 'MX_EMBEDDED_FAILED',
  });
  throw error;
}
side.post({ kind: 'url', url: embedded.url });
side.ready();
const reason = await embedded.exited;
// The supervisor starts this thread again, which starts the database again.
if (!stopping) throw new Error(`PostgreSQL ended: ${reason}`);
