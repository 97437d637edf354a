import { isIP } from 'node:net';
import { type Static, Type } from 'typebox';
import type { FamilySpec, TargetCommon } from '../../src/contract/family.js';

/** Never begins with `-`: it becomes an argument of `ping`. `%` names the interface of a link-local address. */
const HOST = { pattern: '^[A-Za-z0-9_:][A-Za-z0-9_.:%-]*$', maxLength: 253 };

const schema = Type.Object({
  gateway: Type.Optional(
    Type.String({ ...HOST, description: 'the router; default: that of the default route' }),
  ),
  target: Type.String({ ...HOST, default: '1.1.1.1', description: 'a public address, best an IP address' }),
  dns_host: Type.String({ ...HOST, default: 'google.com', description: 'the name to resolve' }),
  dns_server: Type.Optional(
    Type.String({
      maxLength: 100,
      description: 'IP address, with a port if need be; default: the system’s servers',
    }),
  ),
  count: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 3,
    description: 'echo requests per check and host',
  }),
  echo_interval_ms: Type.Integer({
    minimum: 10,
    maximum: 10_000,
    default: 200,
    description: 'time between echo requests',
  }),
  loss_warn_percent: Type.Number({
    minimum: 0,
    exclusiveMaximum: 100,
    default: 20,
    description: 'loss above which a host that answers warns',
  }),
});

export type WanTarget = TargetCommon & Static<typeof schema>;

/** Time that must remain after the last echo: a second for its answer, and half a one for running `ping`, in ms. */
const LAST_ANSWER_MS = 1500;

export const spec: FamilySpec<WanTarget> = {
  name: 'wan',
  title: 'The uplink: router, internet, name resolution',
  judgesUplink: true,
  schema,
  codes: {
    isp_fault: 'The gateway answers and the internet does not: a fault of the provider or of the WAN line.',
    local_link_fault: 'Neither the gateway nor the internet answers: the local link, Wi-Fi or the router.',
    uplink_fault:
      'The internet does not answer; whether the gateway does is not known, so neither is the cause.',
    dns_fault: 'The internet answers, but names do not resolve.',
    uplink_unjudged: 'Whether the internet answers could not be found out, so the uplink was not judged.',
    no_reply: 'Every echo request went unanswered.',
    no_route: 'This machine has no route to the host, or no default route at all.',
    packet_loss: 'More echo requests than loss_warn_percent went unanswered.',
    gateway_unnamed:
      'The default route is a point-to-point link without a router’s address; nothing was judged.',
    name_unresolved: 'The configured gateway or target is a name that does not resolve; it was not judged.',
    ping_missing: 'The system has no ping command (Debian: iputils-ping); nothing was judged.',
    ping_denied: 'ping may not send: it needs the capability NET_RAW, or net.ipv4.ping_group_range.',
    ping_failed: 'ping ended without a result, or not in time; nothing was judged.',
    dns_timeout: 'No name server answered in time.',
    dns_nxdomain: 'The name server says that the name does not exist.',
    dns_refused: 'The name server refused to answer.',
    dns_servfail: 'The name server failed to find the answer.',
    dns_unreachable: 'No name server could be reached.',
    dns_error: 'Resolving failed for another reason, such as a name without an IPv4 address.',
    cancelled: 'The check was cut off before its timeout, because Matrix was stopping; nothing was judged.',
  },
  check: problemOf,
};

function problemOf(target: WanTarget): string | undefined {
  if (target.dns_server !== undefined && !isServer(target.dns_server)) {
    return 'dns_server: must be an IP address, or one with a port such as 192.0.2.53:53 or [2001:db8::53]:53';
  }
  const timeoutMs = (target.timeout_s ?? 5) * 1000;
  const echoesMs = (target.count - 1) * target.echo_interval_ms;
  if (echoesMs + LAST_ANSWER_MS > timeoutMs) {
    return `count: ${target.count} echoes every ${target.echo_interval_ms} ms, and ${LAST_ANSWER_MS} ms for the last answer, do not fit into timeout_s (${timeoutMs / 1000})`;
  }
  return undefined;
}

function isServer(server: string): boolean {
  if (isIP(server) !== 0) return true;
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([\d.]+)):(\d{1,5})$/.exec(server) ?? [];
  return isIP(bracketed ?? plain ?? '') !== 0 && Number(port) >= 1 && Number(port) <= 65535;
}
