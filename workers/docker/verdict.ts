import { LIMITS } from '../../src/contract/limits.js';
import { cleanText, type Finding } from '../../src/contract/result.js';
import type { Container, HealthLine } from './engine.js';
import { oneLine } from './failure.js';

/**
 * The finding of one container, as service `<engine>/<container>`.
 *
 * An engine stops the healthcheck of a container that it pauses or restarts, and calls it unhealthy from then
 * on. For a paused one that says nothing (someone froze it on purpose: a warning); for one that keeps
 * restarting it is the truth, and a failure like any other unhealthy container.
 */
export function judge(engine: string, container: Container, lastLine: HealthLine | null): Finding {
  const { state, health } = container;
  return {
    service: `${engine}/${container.name}`,
    facts: { image: cleanText(container.image, 255), state, health },
    ...verdictOf(container, lastLine),
  };
}

function verdictOf({ state, health }: Container, lastLine: HealthLine | null): Finding {
  if (state === 'paused') {
    return { verdict: 'warn', code: 'container_paused', detail: 'paused: its processes are frozen' };
  }
  if (health === 'unhealthy') {
    return { verdict: 'fail', code: 'container_unhealthy', detail: unhealthySentence(state, lastLine) };
  }
  if (state === 'restarting') {
    const detail = 'restarting: it exited, and the engine is about to start it again';
    return { verdict: 'warn', code: 'container_restarting', detail };
  }
  if (health === 'starting') {
    return {
      verdict: 'warn',
      code: 'container_starting',
      detail: 'starting: its healthcheck has not passed yet',
    };
  }
  return { verdict: 'pass', detail: health === 'healthy' ? 'healthy' : 'running; it has no healthcheck' };
}

function unhealthySentence(state: string, lastLine: HealthLine | null): string {
  const what = state === 'restarting' ? 'unhealthy, and restarting' : 'unhealthy';
  if (lastLine === null) return what;
  const line = cleanText(oneLine(lastLine.line), LIMITS.health_line_chars.value);
  const said = line === '' ? 'printed nothing' : `said “${line}”`;
  return `${what}: its healthcheck ended with ${lastLine.exitCode} and ${said}`;
}
