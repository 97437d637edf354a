import type { Probe, ProbeContext } from '../../src/contract/family.js';
import type { Finding, Measurement } from '../../src/contract/result.js';
import { daysLeft } from '../shared/certificate.js';
import { type Answer, type ExchangeRequest, exchange } from '../shared/http-exchange.js';
import { type TunnelTarget, tunnelUrl } from './spec.js';

const PASSING: readonly number[] = [200, 301, 302];

/** Cloudflare's own status for an origin that it cannot reach; the body tells why. */
const CLOUDFLARE_ORIGIN_ERROR = 530;
/** "Argo Tunnel error": no connector of the tunnel is connected to Cloudflare. */
const NO_CONNECTOR = '1033';

/** Asks a public hostname once, without following redirects, and judges by the status alone. */
export const probe: Probe<TunnelTarget> = async (target, context) => [await check(target, context)];

async function check(target: TunnelTarget, context: ProbeContext): Promise<Finding> {
  const url = tunnelUrl(target);
  if (url === undefined) throw new Error('the target has neither a hostname nor a url');
  const startedAt = context.clock.monotonic();
  const request: ExchangeRequest = {
    url,
    method: 'GET',
    headers: {},
    verifyTls: true,
    startedAt,
    bodyUse: (status) => (status === CLOUDFLARE_ORIGIN_ERROR ? 'keep' : 'none'),
  };
  const outcome = await exchange(request, context);
  if (outcome.kind === 'failure')
    return outcome.status === undefined ? outcome.failure : brokenAnswer(outcome.status);
  return judge(outcome.answer, url.host, context.clock.monotonic() - startedAt, context.clock.now());
}

/** A response came, so the hostname is reachable, even if its body broke off. */
function brokenAnswer(status: number): Finding {
  const detail = `status ${status}, expected 200, 301 or 302; its body did not arrive whole`;
  return { verdict: 'warn', code: 'unexpected_status', detail, facts: { http_status: status } };
}

function judge(answer: Answer, host: string, elapsedMs: number, now: number): Finding {
  const measurements: Measurement[] = [
    { name: 'response_time', value: Math.round(elapsedMs * 100) / 100, unit: 'ms' },
  ];
  if (answer.certificate !== undefined) {
    measurements.push({ name: 'certificate_days', value: daysLeft(answer.certificate, now), unit: 'days' });
  }
  const evidence = { measurements, facts: { http_status: answer.status } };
  if (PASSING.includes(answer.status)) {
    return { verdict: 'pass', detail: `status ${answer.status} in ${Math.round(elapsedMs)} ms`, ...evidence };
  }
  const detail = `${host} answers with status ${answer.status}, expected 200, 301 or 302`;
  if (answer.status !== CLOUDFLARE_ORIGIN_ERROR) {
    return { verdict: 'warn', code: 'unexpected_status', detail, ...evidence };
  }
  const reason = /error code: (\d{4})/i.exec(answer.body)?.[1];
  if (reason === NO_CONNECTOR) {
    const sentence = `status 530, Cloudflare error 1033: the tunnel's origin is not connected; is cloudflared running?`;
    return { verdict: 'warn', code: 'origin_disconnected', detail: sentence, ...evidence };
  }
  const why = reason === undefined ? '' : ` (Cloudflare error ${reason})`;
  return { verdict: 'warn', code: 'unexpected_status', detail: `${detail}${why}`, ...evidence };
}
