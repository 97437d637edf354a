import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import type { Alert, Check, Status } from '../../schema/wire.js';
import { forget, freePort, startMatrix, type TestMatrix } from '../support/matrix.js';
import { createUplink, KNOWN_NAME, type Uplink } from '../support/netns.js';
import { until } from '../support/wait.js';

/**
 * Matrix runs in the network namespace of a machine whose uplink the test cuts. The services across it are on an
 * address that nobody answers once it is cut; one service is local.
 */
describe('a dead uplink is one alert, not a flood', () => {
  let uplink: Uplink;
  let matrix: TestMatrix;
  const services = Array.from({ length: 10 }, (_, index) => `far-${index}`);

  /** Reads from inside the namespace, where the front listens on its loopback. */
  const read = async <T>(path: string): Promise<T | undefined> => {
    try {
      const url = `http://127.0.0.1:${matrix.port}${path}`;
      const script = `fetch(${JSON.stringify(url)}).then((r) => r.text()).then((t) => process.stdout.write(t))`;
      const out = execFileSync('ip', ['netns', 'exec', uplink.lan, process.execPath, '-e', script], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      return JSON.parse(out) as T;
    } catch {
      return undefined;
    }
  };
  const checks = async (): Promise<ReadonlyMap<string, Check>> =>
    new Map(
      ((await read<Status>('/matrix/api/status'))?.checks ?? []).map((check) => [check.service, check]),
    );
  const alerts = async (): Promise<Alert[]> => {
    const answer = await read<Alert[] | { alerts: Alert[] }>('/matrix/api/alerts');
    return Array.isArray(answer) ? answer : (answer?.alerts ?? []);
  };

  before(async () => {
    uplink = await createUplink();
    const far = services.map(
      (name) =>
        `[[http]]\nname = "${name}"\nurl = "http://${uplink.internet}:8080/"\ninterval_s = 2\ntimeout_s = 2\nvia = "uplink"\n`,
    );
    // Something far away must answer, or every service would be down by itself.
    await uplink.serve(8080);
    const port = await freePort();
    matrix = await startMatrix({
      port,
      wrap: ['ip', 'netns', 'exec', uplink.lan],
      config: `
[matrix]
check_interval_s = 10
discover = false
[wan]
gateway = "${uplink.gateway}"
target = "${uplink.internet}"
dns_host = "${KNOWN_NAME}"
dns_server = "${uplink.dns}"
interval_s = 10
timeout_s = 3
count = 2
[[http]]
name = "here"
url = "http://127.0.0.1:${port}/health"
interval_s = 2
${far.join('')}`,
    });
  });
  after(async () => {
    await matrix?.stop();
    if (matrix !== undefined) forget(matrix);
    await uplink?.close();
  });

  test('while it is cut: services across it are unknown with the cause, local ones go on, one alert names it', async () => {
    await until(
      'everything works',
      async () => {
        const now = await checks();
        return ['wan', ...services].every((name) => now.get(name)?.status === 'pass');
      },
      60_000,
    );
    await uplink.cut('internet');
    const now = await until(
      'the cause is known everywhere',
      async () => {
        const seen = await checks();
        return services.every((name) => seen.get(name)?.code === 'uplink_down') ? seen : undefined;
      },
      60_000,
    );
    assert.equal(now.get('wan')?.code, 'isp_fault');
    assert.equal(now.get('here')?.status, 'pass');
    assert.equal(now.get('wan-gateway')?.status, 'pass');
    assert.equal(now.get('wan-internet')?.status, 'fail');
    assert.deepEqual(
      (await alerts()).map((alert) => [alert.service, alert.severity]),
      [['wan', 'warning']],
    );
  });

  test('when it is back, everything is judged again, and nothing else had been alerted', async () => {
    await uplink.restore('internet');
    await until(
      'everything works again',
      async () => {
        const now = await checks();
        return ['wan', ...services].every((name) => now.get(name)?.status === 'pass');
      },
      60_000,
    );
    assert.deepEqual(
      (await alerts()).map((alert) => alert.service),
      ['wan'],
    );
  });
});
