/**
 * Which names a browser may use to reach Matrix. A page of another site can make its own name resolve to this
 * machine (DNS rebinding) and would then read everything a browser here may read; the Host header gives it away.
 */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { LIMITS } from '../../contract/limits.js';

export interface HostCheck {
  (hostHeader: string): boolean;
  /** Host headers that are remembered. */
  readonly remembered: () => number;
}

/** @returns a check of a Host header (with or without a port), remembering the names it has accepted. */
export function hostCheck(allowedHosts: readonly string[]): HostCheck {
  const allowed = new Set([hostname(), ...allowedHosts].map((name) => bareName(name)));
  const accepted = new Set<string>();
  const check = (hostHeader: string): boolean => {
    if (accepted.has(hostHeader)) return true;
    if (hostHeader.length > LIMITS.host_chars.value) return false;
    const name = bareName(hostHeader);
    if (!isLoopbackName(name) && isIP(name) === 0 && !allowed.has(name)) return false;
    if (accepted.size < LIMITS.accepted_hosts.value) accepted.add(hostHeader);
    return true;
  };
  return Object.assign(check, { remembered: () => accepted.size });
}

/** `Example.org:80` → `example.org`, `[::1]:80` → `::1`. */
function bareName(host: string): string {
  const lower = host.trim().toLowerCase();
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(lower)?.[1];
  if (bracketed !== undefined) return bracketed;
  if (isIP(lower) !== 0) return lower;
  return lower.replace(/:\d+$/, '').replace(/\.$/, '');
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost');
}
