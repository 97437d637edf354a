import type { Probe, ProbeContext } from '../../src/contract/family.js';
import type { Finding, Measurement } from '../../src/contract/result.js';
import type { DiskTarget } from './spec.js';
import { askFilesystem, type StatfsAnswer } from './statfs.js';
import { bytesText, type Mount, type Usage, usageOf } from './usage.js';

/** Compares the used space and inodes of a filesystem with the thresholds. */
export const probe: Probe<DiskTarget> = async (target, context) => [await check(target, context)];

async function check(target: DiskTarget, context: ProbeContext): Promise<Finding> {
  const startedAt = context.clock.monotonic();
  const answer = await beforeAbort(askFilesystem(target.path, context.signal), context.signal);
  if (answer === undefined || answer.kind === 'silent') {
    return unanswered(target, context, context.clock.monotonic() - startedAt);
  }
  if (answer.kind === 'counts') return judge(target, usageOf(answer.counts), answer.mount);
  return refused(target, answer);
}

/** The answer, or undefined when `signal` aborts and no answer comes of that either. */
function beforeAbort<T>(answer: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    // Later by one turn: the same abort ends the helper, whose last words say more than silence.
    const onAbort = () => setImmediate(resolve, undefined);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const forget = () => signal.removeEventListener('abort', onAbort);
    answer.then(resolve, reject).finally(forget).catch(forget);
  });
}

/** A timer may fire early, and the caller's clock may have started before ours: this much of the time is all. */
const DEADLINE_SHARE = 0.95;

function unanswered(target: DiskTarget, { deadlineMs, signal }: ProbeContext, elapsedMs: number): Finding {
  const atDeadline = elapsedMs >= deadlineMs * DEADLINE_SHARE;
  if (signal.aborted && !atDeadline) {
    const detail = `the check of ${target.path} was cut off: Matrix is stopping`;
    return { verdict: 'unknown', code: 'cancelled', detail };
  }
  const detail = `the filesystem at ${target.path} does not answer within ${deadlineMs / 1000} s; a network mount may have lost its server`;
  return { verdict: 'fail', code: 'timeout', detail };
}

function refused(target: DiskTarget, answer: Extract<StatfsAnswer, { code: string }>): Finding {
  const { path } = target;
  if (answer.kind === 'not_asked') {
    const detail = `this machine could not start the check of ${path} (${answer.code})`;
    return { verdict: 'unknown', code: 'local_exhausted', detail };
  }
  switch (answer.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { verdict: 'fail', code: 'path_missing', detail: `${path} does not exist; is it mounted?` };
    case 'EACCES':
    case 'EPERM':
      return {
        verdict: 'unknown',
        code: 'path_denied',
        detail: `Matrix may not reach ${path} (${answer.code})`,
      };
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOMEM':
    case 'EAGAIN':
      return {
        verdict: 'unknown',
        code: 'local_exhausted',
        detail: `this machine ran out of resources (${answer.code})`,
      };
    default:
      return {
        verdict: 'fail',
        code: 'io_error',
        detail: `the filesystem at ${path} answers with ${answer.code}`,
      };
  }
}

export function judge(target: DiskTarget, usage: Usage, mount: Mount | null): Finding {
  const { usedPercent, inodePercent } = usage;
  const facts =
    mount === null ? {} : { mount: mount.path, device: mount.device, filesystem: mount.filesystem };
  if (usedPercent === null) {
    return { verdict: 'unknown', code: 'not_measurable', detail: `${target.path} reports no size`, facts };
  }
  const evidence = { measurements: measurementsOf(usage, usedPercent), facts };
  const used = `${percentText(usedPercent)} used, ${bytesText(usage.availableBytes)} of ${bytesText(usage.totalBytes)} available`;
  if (target.fail_percent !== undefined && usedPercent >= target.fail_percent) {
    const detail = `${used}; fails from ${target.fail_percent} %`;
    return { verdict: 'fail', code: 'disk_full', detail, ...evidence };
  }
  if (usedPercent >= target.warn_percent) {
    const detail = `${used}; warns from ${target.warn_percent} %`;
    return { verdict: 'warn', code: 'disk_nearly_full', detail, ...evidence };
  }
  if (inodePercent !== null && inodePercent >= target.inode_warn_percent) {
    const detail = `${percentText(inodePercent)} of the inodes used; warns from ${target.inode_warn_percent} %`;
    return { verdict: 'warn', code: 'inodes_nearly_full', detail, ...evidence };
  }
  return { verdict: 'pass', detail: used, ...evidence };
}

/** One decimal, rounded down, so that a value below a threshold never reads as if it had reached it. */
function percentText(percent: number): string {
  return `${(Math.floor(percent * 10) / 10).toFixed(1)} %`;
}

function rounded(percent: number): number {
  return Math.round(percent * 100) / 100;
}

function measurementsOf(usage: Usage, usedPercent: number): Measurement[] {
  const measurements: Measurement[] = [
    { name: 'used', value: rounded(usedPercent), unit: 'percent' },
    { name: 'used_bytes', value: usage.usedBytes, unit: 'bytes' },
    { name: 'available_bytes', value: usage.availableBytes, unit: 'bytes' },
    { name: 'total_bytes', value: usage.totalBytes, unit: 'bytes' },
  ];
  if (usage.inodePercent !== null) {
    measurements.push({ name: 'inodes_used', value: rounded(usage.inodePercent), unit: 'percent' });
  }
  return measurements;
}
