/**
 * What runs inside a probe thread: takes a batch of targets, probes them all at once, sends results as they
 * come, so that one slow target holds nobody up. It cuts off a probe that ignores its deadline; only a thread
 * that no longer runs this code at all is left to the watchdog outside.
 */
import type { Clock } from '../contract/clock.js';
import { messageOf } from '../contract/errors.js';
import type { FamilySpec, Probe, ProbeLog, TargetCommon } from '../contract/family.js';
import { LIMITS } from '../contract/limits.js';
import { cleanText, type Facts, type Finding, type Result } from '../contract/result.js';

export interface ProbeItem {
  readonly name: string;
  readonly dueAt: number;
  readonly timeoutMs: number;
  readonly config: TargetCommon & Readonly<Record<string, unknown>>;
}

export interface ProbeTask {
  readonly batch: number;
  readonly items: readonly ProbeItem[];
}

/** Thread → main. `done` names the targets whose results are complete with this message. */
export interface ProbeMessage {
  readonly kind: 'results';
  readonly batch: number;
  readonly results: readonly Result[];
  readonly done: readonly string[];
}

export interface ProbeHost {
  readonly spec: FamilySpec;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly log: ProbeLog;
  post(message: ProbeMessage): void;
}

/** Results that end within this time travel together, in ms. */
const GATHER_MS = 20;
/** Grace between the deadline, at which the signal aborts, and being cut off, in ms. */
const GRACE_MS = 250;

/** Resolves when every item has been reported. */
export async function runBatch(host: ProbeHost, task: ProbeTask): Promise<void> {
  let results: Result[] = [];
  let done: string[] = [];
  let timer: NodeJS.Timeout | null = null;
  const flush = (): void => {
    timer = null;
    if (done.length === 0) return;
    host.post({ kind: 'results', batch: task.batch, results, done });
    results = [];
    done = [];
  };
  await Promise.all(
    task.items.map(async (item) => {
      // Awaited first: `results.push(await …)` would look `results` up before, and push into a batch already sent.
      const found = await probeOne(host, item);
      results.push(...found);
      done.push(item.name);
      timer ??= setTimeout(flush, GATHER_MS);
    }),
  );
  if (timer !== null) clearTimeout(timer);
  flush();
}

async function probeOne(host: ProbeHost, item: ProbeItem): Promise<Result[]> {
  const { clock, spec } = host;
  const abort = new AbortController();
  const startedAt = clock.now();
  const begun = clock.monotonic();
  let deadline: NodeJS.Timeout | undefined;
  let cut: NodeJS.Timeout | undefined;
  const overrun = new Promise<readonly Finding[]>((resolve) => {
    deadline = setTimeout(() => abort.abort(new Error('deadline')), item.timeoutMs);
    cut = setTimeout(() => resolve([OVERRUN]), item.timeoutMs + GRACE_MS);
  });
  const resultOf = (finding: Finding): Result => ({
    ...finding,
    ...(finding.measurements === undefined
      ? {}
      : { measurements: finding.measurements.slice(0, LIMITS.measurements.value) }),
    ...(finding.facts === undefined ? {} : { facts: cleanFacts(finding.facts) }),
    detail: cleanText(finding.detail),
    service: finding.service ?? item.name,
    family: spec.name,
    target: item.name,
    dueAt: item.dueAt,
    startedAt,
    durationMs: durationOf(finding, clock.monotonic() - begun),
  });
  try {
    const context = { signal: abort.signal, deadlineMs: item.timeoutMs, clock, log: host.log };
    const findings = await Promise.race([host.probe(item.config, context), overrun]);
    const tookMs = clock.monotonic() - begun;
    return findings.map((finding) =>
      resultOf(stoodStill(finding, tookMs, item.timeoutMs) ? STOOD_STILL : finding),
    );
  } catch (error) {
    host.log.warn(
      { event: 'probe_error', target: item.name, error: messageOf(error) },
      'a probe failed by itself',
    );
    const detail = `the probe failed: ${messageOf(error)}`;
    return [resultOf({ verdict: 'unknown', code: 'probe_error', detail })];
  } finally {
    clearTimeout(deadline);
    clearTimeout(cut);
  }
}

/** What the finding says, if that is a duration at all, otherwise what the call took; in ms, to the microsecond. */
function durationOf(finding: Finding, callMs: number): number {
  const said = finding.durationMs;
  const durationMs = said !== undefined && Number.isFinite(said) ? said : callMs;
  return Math.max(0, Math.round(durationMs * 1000) / 1000);
}

/**
 * After a standstill of the thread, the process or the machine timers run before sockets: a check whose answer lies
 * there unread is cut off by its deadline, much too late. That says nothing about the target.
 */
function stoodStill({ verdict }: Finding, tookMs: number, timeoutMs: number): boolean {
  return verdict === 'fail' && tookMs > timeoutMs + 2 * GRACE_MS;
}

const STOOD_STILL: Finding = {
  verdict: 'unknown',
  code: 'probe_overrun',
  detail:
    'this machine, or the thread of the check, stood still beyond its deadline; the target was not judged',
};

const OVERRUN: Finding = {
  verdict: 'unknown',
  code: 'probe_overrun',
  detail: 'the probe did not answer within its deadline and was cut off',
};

function cleanFacts(facts: Facts): Facts {
  return Object.fromEntries(
    Object.entries(facts)
      .slice(0, LIMITS.facts.value)
      .map(([key, value]) => [
        cleanText(key, LIMITS.fact_key_chars.value),
        typeof value === 'string' ? cleanText(value, LIMITS.fact_value_chars.value) : value,
      ]),
  );
}
