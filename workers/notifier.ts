/** Thread of the notifier: delivers notices, so that a slow channel slows nothing else. */
import { logChannel } from '../src/notify/log-channel.js';
import { Notifier } from '../src/notify/notifier.js';
import { createPool } from '../src/store/pool.js';
import { type Logging, threadSide } from '../src/supervisor/thread-side.js';

const side = threadSide<{ url: string; logging: Logging }>('notifier', {
  onStop: async () => {
    await notifier.stop();
    await pool.end();
  },
});
const pool = createPool(side.data.url, { name: 'matrix notices', max: 2 });
const notifier = new Notifier({ url: side.data.url, pool, channel: logChannel(side.log), log: side.log });
side.ready();
