import { setMaxListeners } from 'node:events';
import type Docker from 'dockerode';
import type { Probe, ProbeContext } from '../../src/contract/family.js';
import { LIMITS } from '../../src/contract/limits.js';
import type { Finding } from '../../src/contract/result.js';
import {
  addressOf,
  type Container,
  connect,
  engineVersion,
  type HealthLine,
  lastHealthLine,
  listContainers,
} from './engine.js';
import { engineFailure } from './failure.js';
import type { DockerTarget } from './spec.js';
import { judge } from './verdict.js';

/** Matrix does not watch itself. */
const OWN_PREFIX = 'matrix-';

/**
 * Judges one engine and each of its running containers (services `<engine>/<container>`). When the engine does
 * not answer, its own finding is the only one.
 */
export const probe: Probe<DockerTarget> = async (target, context) => {
  const done = new AbortController();
  const tooLate = AbortSignal.timeout(answerWithinMs(context.deadlineMs));
  const signal = AbortSignal.any([context.signal, tooLate, done.signal]);
  // Each of the calls in flight listens a few times; the default of 10 would log a leak that is none.
  setMaxListeners(100, signal);
  try {
    return await judgeEngine(target, context, signal);
  } catch (error) {
    if (tooLate.aborted || isTimeout(context.signal)) {
      return [{ verdict: 'fail', code: 'engine_timeout', detail: timeoutSentence(target, context) }];
    }
    if (context.signal.aborted) {
      const detail = `the check of ${addressOf(target)} was cut off: Matrix is stopping`;
      return [{ verdict: 'unknown', code: 'cancelled', detail }];
    }
    return [engineFailure(error, addressOf(target))];
  } finally {
    // One call that failed leaves the others running; without this they would hold their connections.
    done.abort();
  }
};

/** The judgement must be ready before the deadline cuts the check off. */
function answerWithinMs(deadlineMs: number): number {
  return Math.max(1, Math.floor(deadlineMs - Math.min(250, deadlineMs * 0.1)));
}

function isTimeout(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
}

function timeoutSentence(target: DockerTarget, context: ProbeContext): string {
  return `engine at ${addressOf(target)}: no answer within ${answerWithinMs(context.deadlineMs)} ms`;
}

async function judgeEngine(
  target: DockerTarget,
  { clock }: ProbeContext,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const docker = await connect(target);
  const startedAt = clock.monotonic();
  const [version, running] = await Promise.all([
    engineVersion(docker, signal),
    listContainers(docker, signal),
  ]);
  const responseMs = clock.monotonic() - startedAt;
  const watched = running.filter(({ name }) => !name.startsWith(OWN_PREFIX));
  const count = watched.length === 1 ? '1 container' : `${watched.length} containers`;
  const engine: Finding = {
    verdict: 'pass',
    detail: `Docker ${version} answered in ${responseMs.toFixed(0)} ms; it runs ${count}`,
    measurements: [{ name: 'response_time', value: responseMs, unit: 'ms' }],
    facts: { version, containers: watched.length },
  };
  return [engine, ...(await judgeContainers(docker, target.name, watched, signal))];
}

async function judgeContainers(
  docker: Docker,
  engine: string,
  containers: readonly Container[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const unhealthy = containers.filter(({ health, state }) => health === 'unhealthy' && state !== 'paused');
  const lines = new Map<string, HealthLine | null | undefined>();
  // The verdict stands without the line, so a call that fails only costs the words.
  const askFor = async ({ id }: Container) =>
    lines.set(id, await lastHealthLine(docker, id, signal).catch(() => null));
  // What one printed costs a call: enough for a page, never a flood.
  await Promise.all(unhealthy.slice(0, LIMITS.health_lines.value).map(askFor));
  // Asked for and undefined: the container was removed since it was listed.
  const present = containers.filter(({ id }) => !lines.has(id) || lines.get(id) !== undefined);
  return present.map((container) => judge(engine, container, lines.get(container.id) ?? null));
}
