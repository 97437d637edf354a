import type { Probe, ProbeContext } from '../../src/contract/family.js';
import { LIMITS } from '../../src/contract/limits.js';
import type { Facts, Finding, Measurement } from '../../src/contract/result.js';
import { daysLeft } from '../shared/certificate.js';
import { type Answer, type BodyUse, exchange } from '../shared/http-exchange.js';
import { expectationText, isExpected } from './expect.js';
import { type Hop, isRedirect, nextHop, shownUrl } from './redirect.js';
import type { HttpTarget } from './spec.js';

/** One request (and the redirects it leads to) judged by status, body and certificate. */
export const probe: Probe<HttpTarget> = async (target, context) => [await check(target, context)];

/** An answer with the way to it. */
interface Arrival {
  readonly answer: Answer;
  readonly hop: Hop;
  readonly redirects: number;
  readonly elapsedMs: number;
}

async function check(target: HttpTarget, context: ProbeContext): Promise<Finding> {
  const startedAt = context.clock.monotonic();
  const use = (status: number): BodyUse => bodyUse(target, status);
  let hop: Hop = { url: new URL(target.url), method: target.method, headers: target.headers };
  for (let redirects = 0; ; redirects += 1) {
    const request = { ...hop, verifyTls: target.verify_tls, startedAt, bodyUse: use };
    const outcome = await exchange(request, context);
    if (outcome.kind === 'failure') return outcome.failure;
    const { answer } = outcome;
    const arrival = { answer, hop, redirects, elapsedMs: context.clock.monotonic() - startedAt };
    if (passes(target, answer.status) || !isRedirect(answer.status) || answer.location === undefined) {
      return judge(target, arrival, context.clock.now());
    }
    const next = nextHop(hop, answer.status, answer.location);
    if (next === undefined) return badRedirect(arrival, context.clock.now());
    if (redirects >= target.follow_redirects)
      return notFollowed(target, arrival, next.url, context.clock.now());
    hop = next;
  }
}

function passes(target: HttpTarget, status: number): boolean {
  return target.alive_only || isExpected(target.expect_status, status);
}

/** The body is read only where it decides: an unexpected status fails, and `alive_only` passes, without it. */
function bodyUse(target: HttpTarget, status: number): BodyUse {
  if (target.alive_only || !passes(target, status)) return 'none';
  return target.expect_body === undefined ? 'drain' : 'keep';
}

function judge(target: HttpTarget, arrival: Arrival, now: number): Finding {
  const { answer, elapsedMs, redirects } = arrival;
  const evidence = evidenceOf(arrival, now);
  if (!passes(target, answer.status)) {
    const detail = `status ${answer.status}, expected ${expectationText(target.expect_status)}`;
    return { verdict: 'fail', code: 'http_status', detail, ...evidence };
  }
  if (target.expect_body !== undefined && !answer.body.includes(target.expect_body)) {
    const where = answer.bodyCut
      ? `the first ${LIMITS.probe_body.value / 1024} kB of the body do`
      : 'the body does';
    const detail = `status ${answer.status}, but ${where} not contain ${JSON.stringify(target.expect_body)}`;
    return { verdict: 'fail', code: 'body_mismatch', detail, ...evidence };
  }
  const expiring = expiringText(target, answer, now);
  if (expiring !== undefined) {
    return {
      verdict: 'warn',
      code: 'tls_expiring',
      detail: `status ${answer.status}, but ${expiring}`,
      ...evidence,
    };
  }
  const way = redirects === 0 ? '' : ` after ${redirects} redirect${redirects === 1 ? '' : 's'}`;
  return {
    verdict: 'pass',
    detail: `status ${answer.status} in ${Math.round(elapsedMs)} ms${way}`,
    ...evidence,
  };
}

function expiringText(target: HttpTarget, { certificate }: Answer, now: number): string | undefined {
  if (certificate === undefined || target.certificate_warn_days === undefined) return undefined;
  const days = daysLeft(certificate, now);
  if (days >= target.certificate_warn_days) return undefined;
  const day = new Date(certificate.validTo).toISOString().slice(0, 10);
  return days < 0
    ? `the certificate expired on ${day}`
    : `the certificate expires in ${days} days, on ${day}`;
}

function badRedirect(arrival: Arrival, now: number): Finding {
  const { answer, hop } = arrival;
  const detail = `status ${answer.status}: ${shownUrl(hop.url)} redirects to something that is no http or https URL`;
  return { verdict: 'fail', code: 'bad_redirect', detail, ...evidenceOf(arrival, now) };
}

function notFollowed(target: HttpTarget, arrival: Arrival, to: URL, now: number): Finding {
  const { answer, redirects } = arrival;
  const evidence = evidenceOf(arrival, now);
  if (redirects > 0) {
    const detail = `more than ${redirects} redirects (follow_redirects), the next one to ${shownUrl(to)}`;
    return { verdict: 'fail', code: 'too_many_redirects', detail, ...evidence };
  }
  const expected = expectationText(target.expect_status);
  const detail = `status ${answer.status}, a redirect to ${shownUrl(to)}, expected ${expected}`;
  return { verdict: 'fail', code: 'http_status', detail, ...evidence };
}

function evidenceOf(arrival: Arrival, now: number): { measurements: Measurement[]; facts: Facts } {
  const { answer, hop, redirects, elapsedMs } = arrival;
  const measurements: Measurement[] = [
    { name: 'response_time', value: Math.round(elapsedMs * 100) / 100, unit: 'ms' },
  ];
  const facts: Record<string, string | number> = { http_status: answer.status };
  if (redirects > 0) facts['final_url'] = shownUrl(hop.url);
  if (answer.tlsVersion !== undefined) facts['tls_version'] = answer.tlsVersion;
  if (answer.certificate !== undefined) {
    measurements.push({ name: 'certificate_days', value: daysLeft(answer.certificate, now), unit: 'days' });
    facts['certificate_expires'] = new Date(answer.certificate.validTo).toISOString();
  }
  return { measurements, facts };
}
