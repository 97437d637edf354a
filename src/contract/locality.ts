/** Whether reaching a host crosses the uplink: the one rule that every family with a network target shares. */

/** Names that a local resolver answers: RFC 6761 (localhost), 6762 (local), 8375 (home.arpa), ICANN's internal. */
const LOCAL_SUFFIXES = ['.localhost', '.local', '.internal', '.home.arpa'];

/**
 * Whether `host` (a name, an IPv4 or an IPv6 literal with or without brackets) is this machine or its own
 * network: loopback, private, link-local, unique-local and carrier-grade NAT addresses, `localhost`, names under
 * the local suffixes (`host.docker.internal` among them) and names of a single label. Pure: nothing is resolved,
 * so a public name that points to a private address counts as public. What is no host at all counts as public.
 */
export function isLocalHost(host: string): boolean {
  const name = canonicalHost(host);
  if (name === undefined || name === '') return false;
  if (name.startsWith('[')) return isLocalIpv6(name.slice(1, -1));
  const octets = ipv4Octets(name);
  if (octets !== undefined) return isLocalIpv4(octets);
  return !name.includes('.') || LOCAL_SUFFIXES.some((suffix) => name.endsWith(suffix));
}

/** The URL standard's own host parser makes one spelling of all: lower case, `0x7f.1` as 127.0.0.1, `::1` short. */
function canonicalHost(host: string): string | undefined {
  const bare = host.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const url = `http://${bare.includes(':') ? `[${bare}]` : bare}/`;
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, '') : undefined;
}

function ipv4Octets(name: string): readonly number[] | undefined {
  return /^\d+\.\d+\.\d+\.\d+$/.test(name) ? name.split('.').map(Number) : undefined;
}

function isLocalIpv4([a = 0, b = 0]: readonly number[]): boolean {
  if (a === 0 || a === 10 || a === 127) return true;
  if (a === 100) return b >= 64 && b <= 127;
  if (a === 169) return b === 254;
  if (a === 172) return b >= 16 && b <= 31;
  return a === 192 && b === 168;
}

/** `name` is in the URL standard's compressed form, so the groups that matter are at fixed places. */
function isLocalIpv6(name: string): boolean {
  if (name === '::' || name === '::1') return true;
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(name);
  if (mapped !== null) {
    const high = Number.parseInt(mapped[1] ?? '', 16);
    return isLocalIpv4([high >> 8, high & 0xff]);
  }
  const first = Number.parseInt(name, 16);
  return (first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfe80;
}
