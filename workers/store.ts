/** Thread of the embedded database: keeps PostgreSQL running and says where it is. */
import { messageOf } from '../src/contract/errors.js';
import { type Embedded, startEmbedded } from '../src/store/embedded/index.js';
import { untilSilent } from '../src/store/embedded/liveness.js';
import { type Logging, threadSide } from '../src/supervisor/thread-side.js';

let embedded: Embedded | null = null;
const stopping = new AbortController();

const side = threadSide<{ dataDir: string; logging: Logging }>('store', {
  onStop: async () => {
    stopping.abort();
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
const { url, exited } = embedded;
side.post({ kind: 'url', url });
side.ready();
const ended = exited.then((reason) => `PostgreSQL ended: ${reason}`);
const silent = untilSilent({ url, signal: stopping.signal, log: side.log });
const reason = await Promise.race([ended, silent]);
// The supervisor starts this thread again, which starts the database again.
if (!stopping.signal.aborted) {
  await embedded.stop();
  throw new Error(reason ?? 'PostgreSQL ended');
}
