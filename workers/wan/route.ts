import { readFile } from 'node:fs/promises';

/** Where packets for the internet go: to a router, into a point-to-point link, or nowhere. */
export type DefaultRoute =
  | { readonly kind: 'router'; readonly address: string }
  | { readonly kind: 'link'; readonly device: string }
  | { readonly kind: 'none' };

/** Flags of the kernel's route tables, from `linux/route.h`. */
const RTF_UP = 0x1;
const RTF_GATEWAY = 0x2;
const RTF_REJECT = 0x200;

interface Candidate {
  readonly metric: number;
  readonly route: DefaultRoute;
}

/** The host's default route of this moment; that of IPv6 only where IPv4 has none. */
export async function defaultRoute(): Promise<DefaultRoute> {
  const ipv4 = ipv4DefaultRoute(await readTable('/proc/net/route'));
  return ipv4.kind === 'none' ? ipv6DefaultRoute(await readTable('/proc/net/ipv6_route')) : ipv4;
}

/** A kernel without the protocol has no such file, and so no route. */
async function readTable(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}

/** Reads `/proc/net/route`: a heading, then hexadecimal addresses in host byte order (here: little-endian). */
export function ipv4DefaultRoute(table: string): DefaultRoute {
  const candidates = table.split('\n').flatMap((line): Candidate[] => {
    const [device = '', destination, gateway = '', flags = '', , , metric, mask] = line.trim().split(/\s+/);
    if (destination !== '00000000' || mask !== '00000000') return [];
    const address = Buffer.from(gateway, 'hex').reverse().join('.');
    return candidate(device, Number.parseInt(flags, 16), Number(metric), address);
  });
  return best(candidates);
}

/** Reads `/proc/net/ipv6_route`: no heading, everything hexadecimal. */
export function ipv6DefaultRoute(table: string): DefaultRoute {
  const candidates = table.split('\n').flatMap((line): Candidate[] => {
    const [destination = '', length, , , gateway = '', metric = '', , , flags = '', device = ''] = line
      .trim()
      .split(/\s+/);
    if (!/^0{32}$/.test(destination) || length !== '00') return [];
    const groups = gateway.match(/.{4}/g)?.join(':') ?? '';
    // A link-local address means nothing without its interface.
    const address = groups.startsWith('fe80:') ? `${groups}%${device}` : groups;
    return candidate(device, Number.parseInt(flags, 16), Number.parseInt(metric, 16), address);
  });
  return best(candidates);
}

function candidate(device: string, flags: number, metric: number, address: string): Candidate[] {
  if ((flags & RTF_UP) === 0 || (flags & RTF_REJECT) !== 0) return [];
  const route: DefaultRoute =
    (flags & RTF_GATEWAY) === 0 ? { kind: 'link', device } : { kind: 'router', address };
  return [{ metric, route }];
}

/** The kernel takes the route of the lowest metric. */
function best(candidates: readonly Candidate[]): DefaultRoute {
  const [first] = candidates.toSorted((a, b) => a.metric - b.metric);
  return first?.route ?? { kind: 'none' };
}
