/** The configuration that the demo runs Matrix with: as a person would write it, with the ports filled in. */
import type { TargetPorts } from './targets.js';

export interface ConfigParts {
  readonly ports: TargetPorts;
  /** Port of the board. */
  readonly port: number;
  /** Any directory on a real filesystem. */
  readonly directory: string;
}

/** The text of matrix.toml. Nothing in it leads off this machine, and nothing is discovered. */
export function demoConfig({ ports, port, directory }: ConfigParts): string {
  const origin = `http://127.0.0.1:${ports.http}`;
  return `
[matrix]
check_interval_s = 5
discover = false
node = "demo"
data_dir = "data"

[front]
port = ${port}

[[http]]
name = "healthy"
url = "${origin}/healthy"

[[http]]
name = "slow"
url = "${origin}/slow"

[[http]]
name = "flaky"
url = "${origin}/flaky"
interval_s = 2

[[http]]
name = "down"
url = "http://127.0.0.1:${ports.closed}/"

[[http]]
name = "self-signed"
url = "https://127.0.0.1:${ports.selfSigned}/"

[[http]]
name = "expiring"
url = "https://127.0.0.1:${ports.expiring}/"
certificate_warn_days = 14
# No authority of this machine knows it either; here only its end is of interest.
verify_tls = false

[[http]]
name = "moved"
url = "${origin}/moved"

[[http]]
name = "alive-only"
url = "${origin}/broken"
alive_only = true

[[http]]
name = "matrix"
url = "http://127.0.0.1:${port}/health/ready"

[[disk]]
name = "disk"
path = ${JSON.stringify(directory)}
warn_percent = 0.01
`;
}
