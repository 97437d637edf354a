import type { FixtureOptions } from '../fixture/server.js';
import type { Line } from './place.js';

/** Length of a cycle, in seconds; the targets are asked each second. */
export const CYCLE_S = 5;
export const TIMEOUT_S = 5;
/** The name of target number `index`. */
export const targetName = (index: number): string => `t-${index}`;

/** matrix.toml: the first half of the targets on this machine, the other half across the uplink. */
export function configText(options: {
  targets: number;
  half: number;
  near: FixtureOptions;
  far: FixtureOptions;
  line: Line;
}): string {
  const { targets, half, near, far, line } = options;
  const target = (index: number): string => {
    const { host, port } = index < half ? near : far;
    return `[[http]]
name = "${targetName(index)}"
url = "http://${host}:${port}/${index}"
interval_s = 1
timeout_s = ${TIMEOUT_S}
via = "${index < half ? 'local' : 'uplink'}"
`;
  };
  return `[matrix]
check_interval_s = ${CYCLE_S}
discover = false
[wan]
gateway = "${line.gateway}"
target = "${line.internet}"
dns_host = "google.com"
dns_server = "${line.dns}"
interval_s = 5
timeout_s = 3
count = 2
[[disk]]
name = "disk"
path = "/"
${Array.from({ length: targets }, (_, index) => target(index)).join('')}`;
}
