import type { NodeState } from '../contract/tree.js';
import type { Logger } from '../log/logger.js';
import type { SupervisionEvent } from '../supervisor/child.js';

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
      logRestart(log, event);
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
      return;
    case 'stalled':
      log.warn(
        { event: 'child_stalled', child: event.id, for_ms: Math.round(event.forMs) },
        `${event.id} stands still: its event loop has not turned for ${seconds(event.forMs)}`,
      );
      return;
    case 'recovered':
      log.info(
        { event: 'child_recovered', child: event.id, for_ms: Math.round(event.forMs) },
        `${event.id} moves again after ${seconds(event.forMs)}`,
      );
      return;
    case 'main_stalled':
      log.warn(
        { event: 'main_stalled', for_ms: Math.round(event.forMs) },
        `the main thread stood still for ${seconds(event.forMs)}; checks may have been late`,
      );
  }
}

function logRestart(log: Logger, event: Extract<SupervisionEvent, { kind: 'restarting' }>): void {
  const { id, reason, pauseMs, inWindow, requested } = event;
  const fields = {
    event: 'child_restarting',
    child: id,
    reason,
    pause_ms: pauseMs,
    in_window: inWindow,
    requested,
  };
  if (requested) log.info(fields, `${id} is restarted on request: ${reason}`);
  else log.warn(fields, `${id} is restarted in ${pauseMs} ms`);
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** A sentence a node, by its id: a log line keeps what is nested deeply only as a word. */
export function flatTree(tree: NodeState): Readonly<Record<string, string>> {
  const nodes = (node: NodeState): NodeState[] => [node, ...node.children.flatMap(nodes)];
  return Object.fromEntries(
    nodes(tree).map(({ id, status, restarts, lastExit }) => {
      const exit = lastExit === null ? '' : `, last exit: ${lastExit.reason}`;
      return [id, `${status}, restarts: ${restarts.total}${exit}`];
    }),
  );
}
