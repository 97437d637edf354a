/**
 * A whole Matrix through every kind of outage of its database, with a target that goes down and comes back meanwhile:
 * what a monitor must not lose, invent or keep to itself just then.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Status } from '../../schema/wire.js';
import { forget, type LogLine, startMatrix, type TestMatrix } from '../support/matrix.js';
import type { TestPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';
import {
  type ChosenServer,
  chosenServer,
  FAULTS,
  type Fault,
  ordinaryPostgres,
  settled,
  storedOf,
} from './outage-kit.js';

const KILLED = 'restarted';
const NAMES = [...FAULTS.map(({ name }) => name), KILLED, 'steady-1', 'steady-2', 'steady-3'];

describe('while the database is away', () => {
  let postgres: Awaited<ReturnType<typeof ordinaryPostgres>>;
  let server: ChosenServer;
  let matrix: TestMatrix;
  /** Lines of earlier processes. */
  const earlier: LogLine[] = [];

  const start = (previous?: TestMatrix): Promise<TestMatrix> =>
    startMatrix({
      config: `[matrix]\ncheck_interval_s = 5\ndiscover = false\n${NAMES.map(
        (name) =>
          `[[http]]\nname = "${name}"\nurl = "http://127.0.0.1:${server.port}/${name}"\ninterval_s = 1\n`,
      ).join('')}`,
      env: { MATRIX_DATABASE_URL: postgres.appUrl },
      ...(previous === undefined ? {} : { directory: previous.directory, port: previous.port }),
    });
  const ready = async () => {
    const answer = await matrix.get('/health/ready');
    const { reason, since } = (answer?.body ?? {}) as { reason?: string; since?: string };
    return { status: answer?.status, reason: reason ?? '', since: since ?? '' };
  };
  const notices = (target: string): string[] =>
    [...earlier, ...matrix.log]
      .filter((line) => line.event === 'notice' && line['target'] === target)
      .map((line) => String(line['kind']));
  const shown = async (service: string) =>
    ((await matrix.get('/matrix/api/status'))?.body as Status | undefined)?.checks?.find(
      (check) => check.service === service,
    );
  const shows = (service: string, status: string, stored: boolean) =>
    until(
      `${service} is shown as ${status}`,
      async () => {
        const check = await shown(service);
        return check?.status === status && check.stored === stored;
      },
      30_000,
    );
  const spoolIsEmpty = (): boolean => readdirSync(join(matrix.directory, 'data', 'spool')).length === 0;

  before(async () => {
    postgres = await ordinaryPostgres();
    server = await chosenServer();
    matrix = await start();
    await Promise.all(NAMES.map((name) => shows(name, 'pass', true)));
    await until('it is ready', async () => (await ready()).status === 200);
  });
  after(async () => {
    await matrix.kill();
    await server.close();
    await postgres.close();
    forget(matrix);
  });

  /** The target fails and recovers during the outage; people see both, and hear of the outage itself once. */
  async function through(fault: Fault, service: string, meanwhile = async (): Promise<void> => undefined) {
    const told = notices('matrix-database').length;
    const begun = Date.now();
    await fault.begin(postgres);
    await until(`readiness says why: ${fault.reason}`, async () => {
      const { status, reason } = await ready();
      return status === 503 && fault.reason.test(reason);
    });
    const since = Date.parse((await ready()).since);
    assert.ok(since >= begun - 1_000 && since <= Date.now(), 'and since when');
    server.down.add(service);
    await shows(service, 'fail', false);
    await until(
      'the outage of the database is told',
      () => notices('matrix-database').length === told + 1,
      30_000,
    );
    await meanwhile();
    server.down.delete(service);
    await shows(service, 'pass', false);
    assert.equal((await matrix.get('/health'))?.status, 200);
    await fault.end(postgres);
    await until('it is ready again', async () => (await ready()).status === 200, 30_000);
    await until('its end is told', () => notices('matrix-database').length === told + 2, 60_000);
    assert.deepEqual(notices('matrix-database').slice(told), ['outage', 'recovery']);
    await shows(service, 'pass', true);
    await until('nothing waits any more', spoolIsEmpty);
    await settled(postgres);
  }

  /** One outage of the target, with the times of its own answers. */
  async function told(service: string, database: TestPostgres): Promise<void> {
    const asked = server.asked.filter(({ path }) => path === service);
    const firstFail = asked.findIndex(({ status }) => status === 500);
    const alerts = await database.query(
      'SELECT extract(epoch FROM created_at) * 1000 AS at FROM matrix.alerts WHERE service = $1',
      [service],
    );
    assert.equal(alerts.length, 1, `${alerts.length} alerts of ${service}`);
    const at = Number(alerts[0]?.['at']);
    assert.ok(
      at <= (asked[firstFail]?.at ?? 0) && at >= (asked[firstFail - 1]?.at ?? 0),
      'it began when it failed',
    );
    await until(`the notices of ${service}`, () => notices(service).length >= 2);
    assert.deepEqual(notices(service), ['outage', 'recovery']);
  }

  for (const fault of FAULTS) {
    test(`${fault.name}: all is seen, told once, and stored with its times`, async () => {
      await through(fault, fault.name);
      await told(fault.name, postgres);
    });
  }

  test('pages that need a database which hangs say at once that it is away', async () => {
    const frozen = FAULTS.find(({ name }) => name === 'frozen');
    await frozen?.begin(postgres);
    try {
      await until('it is seen', async () => (await ready()).status === 503);
      const begun = performance.now();
      const answers = await Promise.all(
        Array.from({ length: 20 }, async () => await matrix.get('/matrix/api/uptime')),
      );
      assert.ok(performance.now() - begun < 2_500);
      const codes = answers.map((answer) => JSON.stringify(answer?.body).match(/MX_[A-Z_]+/)?.[0]);
      assert.deepEqual(new Set(codes), new Set(['MX_DATABASE_DOWN']));
    } finally {
      await frozen?.end(postgres);
    }
    await until('it is ready again', async () => (await ready()).status === 200, 30_000);
  });

  test('every answer of every target is stored once, and none is stored that was not given', async () => {
    // It may have been asked, and not been answered yet, when Matrix stops: it waits for that.
    assert.equal(await matrix.stop(), 0);
    earlier.push(...matrix.log);
    matrix = await start(matrix);
    await until('the rest is stored', spoolIsEmpty);
    await settled(postgres);
    assert.equal(await matrix.stop(), 0);
    earlier.push(...matrix.log);
    matrix = await start(matrix);
    for (const service of NAMES) {
      const results = await storedOf(postgres, service);
      const asked = server.asked.filter(({ path }) => path === service).slice(0, results.length);
      assert.deepEqual(
        results.map(({ verdict }) => verdict),
        asked.map(({ status }) => (status === 200 ? 'pass' : 'fail')),
        service,
      );
    }
    const lost = [...earlier].filter((line) => line.event === 'results_dropped');
    assert.deepEqual(lost, []);
  });

  test('Matrix killed and started again meanwhile does not tell it twice, and does not forget to tell its end', async () => {
    await until('it is ready', async () => (await ready()).status === 200, 30_000);
    const [killed] = FAULTS;
    assert.ok(killed !== undefined);
    await through(killed, KILLED, async () => {
      const note = join(matrix.directory, 'data', 'database-outage.json');
      await until('it is noted', () => readdirSync(join(note, '..')).includes('database-outage.json'));
      await matrix.kill();
      earlier.push(...matrix.log);
      const asked = server.asked.length;
      matrix = await start(matrix);
      await until('checks go on', () => server.asked.length > asked + 2 * NAMES.length);
    });
    await told(KILLED, postgres);
  });
});
