/**
 * Name resolution that cannot pile up. `getaddrinfo` runs on libuv's few threads and cannot be cancelled, so
 * with a dead resolver every check of a name would queue one more call behind those that hang. Here at most one
 * call per name is in flight and later checks join it. Nothing is cached: an answer serves only those already
 * waiting, so a changed record is seen by the next check.
 */
import { type LookupAddress, lookup } from 'node:dns';

type LookupCallback = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

const inFlight = new Map<string, LookupCallback[]>();

/** All addresses of `hostname` in the resolver's order; errors carry getaddrinfo's code (`ENOTFOUND`, `EAI_AGAIN`). */
export function lookupShared(hostname: string, callback: LookupCallback): void {
  const waiting = inFlight.get(hostname);
  if (waiting !== undefined) {
    waiting.push(callback);
    return;
  }
  const callbacks = [callback];
  inFlight.set(hostname, callbacks);
  lookup(hostname, { all: true, verbatim: true }, (error, addresses) => {
    inFlight.delete(hostname);
    for (const each of callbacks) each(error, addresses);
  });
}
