/**
 * Thread of the notifier: delivers notices, so that a slow channel slows nothing else. It works without a database
 * too: what is to be said of an outage of the database comes from main.
 */
import { DirectDelivery } from '../src/notify/direct.js';
import { logChannel } from '../src/notify/log-channel.js';
import type { FromNotifier, NotifierData, ToNotifier } from '../src/notify/messages.js';
import { QueuedDelivery } from '../src/notify/queued.js';
import { threadSide } from '../src/supervisor/thread-side.js';

const side = threadSide<NotifierData, ToNotifier>('notifier', {
  onStop: async () => {
    await Promise.all([direct.stop(), queued.stop()]);
  },
  onMessage: (message) => {
    if (message.kind === 'direct') direct.add(message);
    else queued.use(message.url);
  },
});
const channel = logChannel(side.log);
const direct = new DirectDelivery({
  channel,
  onDelivered: (id) => side.post({ kind: 'delivered', id } satisfies FromNotifier),
  log: side.log,
});
const queued = new QueuedDelivery({ channel, log: side.log });
if (side.data.url !== null) queued.use(side.data.url);
side.ready();
