import { systemClock } from '../../../src/contract/clock.js';
import type { ProbeContext } from '../../../src/contract/family.js';
import type { Finding } from '../../../src/contract/result.js';
import { probe } from '../../../workers/docker/probe.js';
import type { DockerTarget } from '../../../workers/docker/spec.js';

/** Far more than an engine on a loaded machine needs; only a hang reaches it. */
const PATIENT_MS = 30_000;

function ignore(): void {}

export function context(deadlineMs: number = PATIENT_MS, signal?: AbortSignal): ProbeContext {
  return {
    signal: signal ?? new AbortController().signal,
    deadlineMs,
    clock: systemClock,
    log: { debug: ignore, info: ignore, warn: ignore },
  };
}

/** One check of an engine called `local`, its findings by service; the engine's own is under `''`. */
export async function check(
  target: Omit<DockerTarget, 'name'>,
  deadlineMs?: number,
): Promise<ReadonlyMap<string, Finding>> {
  const findings = await probe({ name: 'local', ...target }, context(deadlineMs));
  return new Map(findings.map((finding) => [finding.service ?? '', finding]));
}
