import type { Attribution, Finding, Severity } from '../../src/contract/result.js';

/** What the three probes found; a warning is an answer, so it counts as up. */
export interface Legs {
  readonly gateway: Finding;
  readonly internet: Finding;
  readonly dns: Finding;
}

type Reach = 'up' | 'down' | 'unknown';

const REACH: Readonly<Record<Finding['verdict'], Reach>> = {
  pass: 'up',
  warn: 'up',
  fail: 'down',
  unknown: 'unknown',
};

/**
 * Says what is wrong with the uplink, and where. The internet's answer decides whether there is an outage; the
 * gateway's decides whose it is. A router that ignores ICMP while the internet answers is no outage.
 *
 * What could not be judged never counts as down: with the internet unknown the uplink is unknown, and its state
 * is `up`, so that checks over it go on. With the internet down and the gateway unknown there is an outage
 * without a culprit.
 */
export function attribute(legs: Legs): Finding {
  const gateway = REACH[legs.gateway.verdict];
  const internet = REACH[legs.internet.verdict];
  const seen = `${legs.gateway.detail}, ${legs.internet.detail}`;
  if (internet === 'unknown') return up('unknown', 'uplink_unjudged', `The uplink was not judged: ${seen}`);
  if (internet === 'down') {
    if (gateway === 'up') return down('isp_fault', 'isp_fault', 'warning', `ISP fault: ${seen}`);
    if (gateway === 'down') {
      return down('local_link_fault', 'local_link_fault', 'error', `Local link or Wi-Fi fault: ${seen}`);
    }
    return down('uplink_fault', 'none', 'error', `Uplink fault, its place unknown: ${seen}`);
  }
  if (REACH[legs.dns.verdict] === 'down') {
    return up('warn', 'dns_fault', `DNS fault: ${legs.internet.detail}, ${legs.dns.detail}`);
  }
  return up('pass', undefined, `${seen}, ${legs.dns.detail}`);
}

function up(verdict: 'pass' | 'warn' | 'unknown', code: string | undefined, sentence: string): Finding {
  const attribution: Attribution = { state: 'up', cause: 'none', sentence };
  return { verdict, ...(code === undefined ? {} : { code }), detail: sentence, attribution };
}

function down(code: string, cause: Attribution['cause'], severity: Severity, sentence: string): Finding {
  return {
    verdict: 'fail',
    code,
    severity,
    detail: sentence,
    attribution: { state: 'down', cause, sentence },
  };
}
