import type { Logger } from '../log/logger.js';
import type { SupervisionEvent } from '../supervisor/managed.js';

/** One structured line an event, named like the metric's labels, so that log and metrics can be held together. */
export function logSupervision(log: Logger, event: SupervisionEvent, stopping: boolean): void {
  switch (event.kind) {
    case 'started':
      log.debug(
        { event: 'child_started', child: event.id, after_ms: Math.round(event.afterMs) },
        `${event.id} runs`,
      );
      return;
    case 'exited':
      if (stopping)
        log.debug({ event: 'child_exited', child: event.id, reason: event.reason }, `${event.id} ended`);
      else
        log.warn(
          { event: 'child_exited', child: event.id, reason: event.reason },
          `${event.id} ended: ${event.reason}`,
        );
      return;
    case 'restarting':
      log.warn(
        { event: 'child_restarting', child: event.id, pause_ms: event.pauseMs, in_window: event.inWindow },
        `${event.id} is restarted in ${event.pauseMs} ms`,
      );
      return;
    case 'exhausted':
      log.error(
        { event: 'child_exhausted', child: event.id, reason: event.reason, retry_ms: event.retryMs },
        event.retryMs === null
          ? `${event.id} has spent its restart budget`
          : `${event.id} has spent its restart budget; one more try in ${Math.round(event.retryMs / 1000)} s`,
      );
      return;
    case 'killed':
      log.warn(
        { event: 'child_killed', child: event.id, after_ms: Math.round(event.afterMs) },
        `${event.id} did not end in time and was killed`,
      );
  }
}
