import { isIP } from 'node:net';
import { cleanText, type Finding } from '../../src/contract/result.js';
import { lookupShared } from '../shared/lookup.js';
import { type Limit, notInTime } from './limit.js';
import { type PingOutcome, ping } from './ping.js';
import type { WanTarget } from './spec.js';

/** Longer than any round trip on earth, a satellite's included. */
const MAX_WAIT_S = 2;
const MIN_WAIT_S = 1;
/** Left for starting `ping` and for reading what it says, on a busy machine. */
const SPARE_MS = 500;

/** Sends echo requests to `host`, called `subject` in sentences ("the gateway 10.0.0.1"). Never rejects. */
export async function echo(host: string, subject: string, target: WanTarget, limit: Limit): Promise<Finding> {
  const address = isIP(host) === 0 ? await resolve(host, limit.signal) : host;
  if (address === undefined) {
    if (limit.signal.aborted)
      return notInTime(limit, 'name_unresolved', `${subject} does not resolve in time`);
    return { verdict: 'unknown', code: 'name_unresolved', detail: `${subject} does not resolve` };
  }
  const spareMs = limit.remainingMs() - (target.count - 1) * target.echo_interval_ms - SPARE_MS;
  const waitS = Math.min(MAX_WAIT_S, Math.max(MIN_WAIT_S, Math.floor(spareMs / 1000)));
  const request = { address, count: target.count, intervalMs: target.echo_interval_ms, waitS };
  const outcome = await ping(request, limit.signal);
  if (outcome.kind === 'failed' && limit.signal.aborted) {
    return notInTime(limit, 'ping_failed', `ping of ${subject} did not end in time`);
  }
  return { ...judge(outcome, subject, target.loss_warn_percent), facts: { address } };
}

/** What the outcome says of the host; pure. Only an answer that should have come and did not is a `fail`. */
export function judge(outcome: PingOutcome, subject: string, lossWarnPercent: number): Finding {
  switch (outcome.kind) {
    case 'counted':
      return judgeCounts(outcome, subject, lossWarnPercent);
    case 'no_route':
      return {
        verdict: 'fail',
        code: 'no_route',
        detail: `${subject} cannot be reached: no route (${outcome.errno})`,
      };
    case 'missing':
      return {
        verdict: 'unknown',
        code: 'ping_missing',
        detail: `${subject} was not probed: there is no ping command`,
      };
    case 'denied':
      return unprobed('ping_denied', `${subject} was not probed: ping may not send (${outcome.why})`);
    case 'failed':
      return unprobed('ping_failed', `${subject} was not probed: ping failed (${outcome.why})`);
  }
}

function unprobed(code: string, detail: string): Finding {
  return { verdict: 'unknown', code, detail: cleanText(detail.replaceAll(/\p{Cc}+/gu, ' '), 400) };
}

function judgeCounts(
  { sent, received, rttMs }: Extract<PingOutcome, { kind: 'counted' }>,
  subject: string,
  lossWarnPercent: number,
): Finding {
  const lost = Math.max(0, sent - received);
  const lossPercent = (lost / sent) * 100;
  const loss = { name: 'loss', value: lossPercent, unit: 'percent' } as const;
  if (received === 0) {
    const detail = `${subject} does not answer (${lost} of ${sent} lost)`;
    return { verdict: 'fail', code: 'no_reply', detail, measurements: [loss] };
  }
  const measurements = rttMs === null ? [loss] : [{ name: 'rtt', value: rttMs, unit: 'ms' } as const, loss];
  const answers = `${subject} answers${rttMs === null ? '' : ` in ${shortMs(rttMs)} ms`}`;
  const detail = lost === 0 ? answers : `${answers} (${lost} of ${sent} lost)`;
  if (lossPercent > lossWarnPercent) return { verdict: 'warn', code: 'packet_loss', detail, measurements };
  return { verdict: 'pass', detail, measurements };
}

/** One decimal below 10 ms, none above; never a zero that nobody believes. */
export function shortMs(ms: number): string {
  return ms < 0.1 ? '<0.1' : ms.toFixed(ms < 10 ? 1 : 0);
}

/** The address of a configured name, IPv4 if it has one; undefined when it has none or `signal` aborts first. */
function resolve(host: string, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((done) => {
    if (signal.aborted) done(undefined);
    signal.addEventListener('abort', () => done(undefined), { once: true });
    lookupShared(host, (error, addresses) => {
      const found = error === null ? addresses : [];
      done((found.find(({ family }) => family === 4) ?? found[0])?.address);
    });
  });
}
