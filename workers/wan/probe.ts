import type { Clock } from '../../src/contract/clock.js';
import type { Probe } from '../../src/contract/family.js';
import type { Finding } from '../../src/contract/result.js';
import { attribute } from './attribution.js';
import { resolveName } from './dns.js';
import { echo } from './echo.js';
import { type Limit, limitOf } from './limit.js';
import { defaultRoute } from './route.js';
import type { WanTarget } from './spec.js';

/**
 * Probes the router, the internet and name resolution at once, and says of the uplink as a whole (the finding
 * without a service) which of them is to blame. While the uplink is down that finding's alert is the only one.
 */
export const probe: Probe<WanTarget> = async (target, context) => {
  const limit = limitOf(context);
  const { clock } = context;
  const [gateway, internet, dns] = await Promise.all([
    timed(clock, () => probeGateway(target, limit)),
    timed(clock, () => echo(target.target, target.target, target, limit)),
    timed(clock, () => resolveName(target, limit, clock)),
  ]);
  const uplink = attribute({ gateway, internet, dns });
  const explained = (service: string, finding: Finding): Finding =>
    finding.verdict === 'fail' && uplink.attribution?.state === 'down'
      ? { ...finding, service, explainedBy: target.name }
      : { ...finding, service };
  return [
    uplink,
    explained('wan-gateway', gateway),
    explained('wan-internet', internet),
    explained('wan-dns', dns),
  ];
};

async function probeGateway(target: WanTarget, limit: Limit): Promise<Finding> {
  if (target.gateway !== undefined)
    return echo(target.gateway, `the gateway ${target.gateway}`, target, limit);
  const route = await defaultRoute();
  switch (route.kind) {
    case 'router':
      return echo(route.address, `the gateway ${route.address}`, target, limit);
    case 'link':
      return {
        verdict: 'unknown',
        code: 'gateway_unnamed',
        detail: `the default route leads into ${route.device} and names no gateway`,
      };
    case 'none':
      return { verdict: 'fail', code: 'no_route', detail: 'this machine has no default route' };
  }
}

async function timed(clock: Clock, work: () => Promise<Finding>): Promise<Finding> {
  const startedAt = clock.monotonic();
  const finding = await work();
  return { ...finding, durationMs: clock.monotonic() - startedAt };
}
