import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Finding } from '../../../src/contract/result.js';
import { spec, type WanTarget } from '../../../workers/wan/spec.js';
import { KNOWN_NAME, type Uplink } from '../../support/netns.js';

const RUNNER = fileURLToPath(new URL('./run-probe.js', import.meta.url));

export interface CheckOptions {
  readonly target?: Partial<WanTarget>;
  /** Leaves the gateway to be found in the routes. */
  readonly findGateway?: boolean;
  readonly deadlineMs?: number;
  readonly calledOffAfterMs?: number;
  /** Command that runs the probe's process, such as `setpriv` with its options. */
  readonly wrapper?: readonly string[];
  readonly path?: string;
}

export interface Checked {
  readonly uplink: Finding;
  readonly gateway: Finding;
  readonly internet: Finding;
  readonly dns: Finding;
  readonly tookMs: number;
  /** Pids of children that the probe left behind. */
  readonly children: string;
}

/** One check in the uplink's lan, in a process of its own: a process cannot change its namespace. */
export async function check(place: Uplink, options: CheckOptions = {}): Promise<Checked> {
  const target: WanTarget = {
    name: 'uplink',
    ...(options.findGateway === true ? {} : { gateway: place.gateway }),
    target: place.internet,
    dns_host: KNOWN_NAME,
    dns_server: place.dns,
    count: 3,
    echo_interval_ms: 50,
    loss_warn_percent: 20,
    ...options.target,
  };
  const times = [options.deadlineMs ?? 10_000, options.calledOffAfterMs ?? []].flat().map(String);
  const command = [...(options.wrapper ?? []), process.execPath, RUNNER, JSON.stringify(target), ...times];
  const args = [...(options.path === undefined ? [] : [`PATH=${options.path}`]), ...command];
  const child = place.exec('env', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  assert.ok(child.stdout !== null);
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const { findings, tookMs, children } = JSON.parse(output) as Omit<Checked, 'uplink'> & {
    findings: Finding[];
  };
  const of = (service: string | undefined) => {
    const finding = findings.find((found) => found.service === service);
    assert.ok(finding !== undefined, `no finding for ${service}`);
    return finding;
  };
  assert.equal(findings.length, 4);
  for (const { code } of findings) assert.ok(code === undefined || Object.hasOwn(spec.codes, code), code);
  const uplink = of(undefined);
  const [gateway, internet, dns] = [of('wan-gateway'), of('wan-internet'), of('wan-dns')];
  return { uplink, gateway, internet, dns, tookMs, children };
}

/** `<verdict> <code>` of the four findings, as a table row. */
export function verdicts({ uplink, gateway, internet, dns }: Checked): Record<string, string> {
  const short = ({ verdict, code }: Finding) => (code === undefined ? verdict : `${verdict} ${code}`);
  return { uplink: short(uplink), gateway: short(gateway), internet: short(internet), dns: short(dns) };
}

/** Whose failures are explained by the uplink's. */
export function explained({ gateway, internet, dns }: Checked): (string | undefined)[] {
  return [gateway, internet, dns].map((finding) => finding.explainedBy);
}

export function measured(finding: Finding, name: string): number | undefined {
  return finding.measurements?.find((measurement) => measurement.name === name)?.value;
}
