/** A process with one real front on a store in memory: for clients that may crash it or fill its memory. */
import { alert, changes, check, cycle, serve } from '../../front/support.js';

export type ToFrontChild = { readonly kind: 'memory' } | { readonly kind: 'change'; readonly rev: number };
export type FromFrontChild =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'memory'; readonly peakBytes: number; readonly nowBytes: number };

const { front } = await serve((store) => {
  store.checks = [check('web'), check('db')];
  store.alerts = [alert('web')];
  store.cycle = cycle(1);
});
const send = (message: FromFrontChild): void => void process.send?.(message);
process.on('message', (message: ToFrontChild) => {
  if (message.kind === 'change') {
    const checks = [check('web', { detail: `change ${message.rev}` })];
    front.take({ kind: 'changes', changes: changes(message.rev, { checks }) });
    return;
  }
  const nowBytes = process.memoryUsage().rss;
  send({ kind: 'memory', peakBytes: process.resourceUsage().maxRSS * 1024, nowBytes });
});
process.on('disconnect', () => process.exit(0));
send({ kind: 'ready', port: front.port });
