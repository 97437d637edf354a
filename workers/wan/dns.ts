import { Resolver } from 'node:dns/promises';
import type { Clock } from '../../src/contract/clock.js';
import { messageOf } from '../../src/contract/errors.js';
import { cleanText, type Finding } from '../../src/contract/result.js';
import { shortMs } from './echo.js';
import { type Limit, notInTime } from './limit.js';
import type { WanTarget } from './spec.js';

const BY_ERROR: Readonly<Record<string, readonly [code: string, why: string]>> = {
  ETIMEOUT: ['dns_timeout', 'no name server answers'],
  ENOTFOUND: ['dns_nxdomain', 'the name server says that the name does not exist'],
  EREFUSED: ['dns_refused', 'the name server refuses'],
  ESERVFAIL: ['dns_servfail', 'the name server fails'],
  ECONNREFUSED: ['dns_unreachable', 'no name server can be reached'],
};

/**
 * Resolves `dns_host` once, asking servers and not the hosts file. A resolver of its own for each check: it reads
 * the system's servers anew, and no answer is cached. Never rejects.
 */
export async function resolveName(target: WanTarget, limit: Limit, clock: Clock): Promise<Finding> {
  const resolver = resolverOf(target, limit);
  const servers = resolver.getServers().join(', ');
  const facts = { name: target.dns_host, servers };
  const cancel = () => resolver.cancel();
  limit.signal.addEventListener('abort', cancel, { once: true });
  const startedAt = clock.monotonic();
  try {
    const query = resolver.resolve4(target.dns_host);
    if (limit.signal.aborted) cancel();
    const [address = ''] = await query;
    const tookMs = clock.monotonic() - startedAt;
    return {
      verdict: 'pass',
      detail: `${target.dns_host} resolves in ${shortMs(tookMs)} ms`,
      measurements: [{ name: 'resolve_time', value: tookMs, unit: 'ms' }],
      facts: { ...facts, address },
    };
  } catch (error) {
    return { ...failure(error, target.dns_host, servers, limit), facts };
  } finally {
    limit.signal.removeEventListener('abort', cancel);
  }
}

/**
 * Every server is asked twice, as any program's resolver does, so that one lost packet is no outage; the second
 * time waits twice as long. The shares add up to the time there is: a dead first server leaves the second its turn.
 */
function resolverOf(target: WanTarget, limit: Limit): Resolver {
  const count = target.dns_server === undefined ? new Resolver().getServers().length : 1;
  const timeout = Math.max(1, Math.floor(limit.remainingMs() / (3 * Math.max(1, count))));
  const resolver = new Resolver({ timeout, tries: 2 });
  if (target.dns_server !== undefined) resolver.setServers([target.dns_server]);
  return resolver;
}

function failure(error: unknown, name: string, servers: string, limit: Limit): Finding {
  const subject = `${name} does not resolve`;
  if (limit.signal.aborted) {
    return notInTime(limit, 'dns_timeout', `${subject}: no name server answers (${servers})`, 'fail');
  }
  const errorCode = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [code, why] = BY_ERROR[errorCode] ?? ['dns_error', messageOf(error)];
  return { verdict: 'fail', code, detail: cleanText(`${subject}: ${why} (${servers})`, 400) };
}
