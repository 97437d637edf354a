import type { Channel } from './notifier.js';

const LEVEL = { info: 'info', warning: 'warn', error: 'error', critical: 'error' } as const;

/** The channel of last resort: a notice becomes a log line. */
export function logChannel(
  log: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>,
): Channel {
  return async (notice) => {
    const fields = { event: 'notice', kind: notice.kind, target: notice.service, severity: notice.severity };
    if (notice.kind === 'outage') {
      log[LEVEL[notice.severity]](fields, `${notice.service} is down: ${notice.message}`);
      return;
    }
    const downS = Math.max(0, Math.round((notice.at - notice.outageSince) / 1000));
    log.info(
      { ...fields, down_s: downS },
      `${notice.service} works again after ${downS} s: ${notice.message}`,
    );
  };
}
