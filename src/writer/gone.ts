/** What a target used to report and no longer does. Pure. */
import { COMMON_CODES } from '../contract/result.js';
import type { Entry } from './directory.js';
import { isOlder, type Made, type ServiceState } from './transition.js';

type Service = Pick<Entry, 'name' | 'family' | 'target'> & Partial<Pick<Entry, 'state'>>;
/** What is known of a service when a call is looked at: its state, or an earlier result of these. */
type Newest = Pick<ServiceState, 'dueAt' | 'made' | 'code'>;

/**
 * The results, in order, and behind each one that says how its target is an `unknown` for every service that
 * the target reported before and not in this call; once. So it is the same whether calls are stored together or not.
 */
export function withGone(services: readonly Service[], results: readonly Made[], nowMs: number): Made[] {
  const calls = callsIn(results);
  if (calls.size === 0) return [...results];
  const children = childrenOf(services, new Set([...calls.values()].map(({ own }) => own.target)));
  const newest = new Map<string, Newest>();
  for (const { name, state } of [...children.values()].flat()) if (state) newest.set(name, state);
  const all: Made[] = [];
  const put = (result: Made): void => {
    all.push(result);
    const known = newest.get(result.service);
    if (known === undefined || !isOlder(result, known, nowMs))
      newest.set(result.service, { dueAt: result.dueAt, made: result.made, code: result.code ?? null });
  };
  for (const result of results) {
    put(result);
    const call = calls.get(keyOf(result));
    if (call?.own !== result) continue;
    for (const child of children.get(result.target) ?? []) {
      const known = newest.get(child.name);
      if (known === undefined || known.code === 'not_reported' || call.reported.has(child.name)) continue;
      if (!isOlder(call.own, known, nowMs)) put(notReported(child, call.own));
    }
  }
  return all;
}

interface Call {
  /** What it said of the target itself. */
  readonly own: Made;
  readonly reported: Set<string>;
}

const keyOf = ({ made, target, dueAt }: Made): string => `${made.slice(0, 36)}\n${dueAt}\n${target}`;

function callsIn(results: readonly Made[]): Map<string, Call> {
  const calls = new Map<string, Call>();
  for (const own of results) {
    if (own.service === own.target) calls.set(keyOf(own), { own, reported: new Set() });
  }
  for (const result of results) {
    calls.get(keyOf(result))?.reported.add(result.service);
  }
  return calls;
}

/** Services that were discovered through these targets. */
function childrenOf(services: readonly Service[], targets: ReadonlySet<string>): Map<string, Service[]> {
  const children = new Map<string, Service[]>();
  for (const service of services) {
    if (service.name === service.target || !targets.has(service.target)) continue;
    const siblings = children.get(service.target);
    if (siblings === undefined) children.set(service.target, [service]);
    else siblings.push(service);
  }
  return children;
}

function notReported({ name, family, target }: Service, call: Made): Made {
  const blind = call.verdict === 'fail' || call.verdict === 'unknown';
  return {
    service: name,
    family,
    target,
    dueAt: call.dueAt,
    startedAt: call.startedAt,
    durationMs: 0,
    made: call.made,
    verdict: 'unknown',
    code: 'not_reported',
    detail: blind ? `cannot be judged: ${call.detail}` : COMMON_CODES.not_reported,
  };
}
