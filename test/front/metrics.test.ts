/** Lost if this fails: a scrape that does not parse, counts nothing, or grows without bound. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exposition } from '../../src/front/exposition.js';
import { changes, check, cycle, serve } from './support.js';

/** Every line of the text format 0.0.4. */
const LINE =
  /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z_]+="(\\.|[^"\\])*",?)*\})? (-?\d[\d.e+-]*|NaN|[+-]Inf)|)$/;

test('the front, the checks and everyone else are counted, with the tenant on every sample', async () => {
  const { front, base } = await serve((store) => {
    store.checks = [check('web "one"\n\\'), check('db', { status: 'fail', duration_ms: 1500 })];
    store.cycle = cycle(1);
  });
  front.take({ kind: 'dependencies', dependencies: { queue: 'full' } });
  const sample = { help: 'Checks made.', type: 'counter', labels: { family: 'http' } } as const;
  front.take({ kind: 'metrics', samples: [{ ...sample, name: 'matrix_checks_done_total', value: 5 }] });
  front.take({ kind: 'metrics', samples: [{ ...sample, name: 'matrix_checks_done_total', value: 9 }] });
  await fetch(`${base}/api/status`);
  await fetch(`${base}/nothing/${'x'.repeat(50)}`);
  const answer = await fetch(`${base}/metrics`);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const text = await answer.text();
  const lines = text.split('\n');
  for (const line of lines) assert.match(line, LINE);
  for (const line of lines) if (line !== '' && !line.startsWith('#')) assert.match(line, /customer_id="axe"/);
  for (const expected of [
    /^http_requests_total\{service="matrix",method="GET",status="200".*\} 1$/m,
    /^http_requests_total\{service="matrix",method="GET",status="404".*\} 1$/m,
    /^http_request_duration_seconds_count\{.*route="\/api\/status".*\} 1$/m,
    /^http_request_duration_seconds_count\{.*route="none".*\} 1$/m,
    /^active_connections\{service="matrix".*\} [1-9]/m,
    /^service_health\{.*service="matrix",dependency="queue"\} 0$/m,
    /^service_health\{.*service="matrix",dependency="database"\} 1$/m,
    /^matrix_checks_done_total\{.*family="http"\} 9$/m,
    /^matrix_check_status\{.*service="db",family="http",status="fail"\} 1$/m,
    /^matrix_check_status\{.*service="web \\"one\\"\\n\\\\",family="http",status="pass"\} 1$/m,
    /^matrix_check_duration_seconds\{.*service="db".*\} 1\.5$/m,
    /^matrix_checks\{.*status="fail"\} 1$/m,
    /^matrix_ws_connections\{.*\} 0$/m,
  ]) {
    assert.match(text, expected);
  }
  const types = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
  assert.equal(new Set(types).size, types.length, 'a name is described twice');
  await front.drain();
});

test('a service that is gone leaves no series behind', async () => {
  const { front, base } = await serve((store) => {
    store.checks = [check('gone')];
    store.cycle = cycle(1);
  });
  front.take({ kind: 'changes', changes: changes(1, { removed: ['gone'] }) });
  const scrape = async () => (await fetch(`${base}/metrics`)).text();
  for (let tries = 0; (await scrape()).includes('"gone"'); tries += 1) assert.ok(tries < 1000);
  await front.drain();
});

test('samples of one name stay together, as the format demands', () => {
  const gauge = (name: string, value: number) =>
    ({ name, help: 'h', type: 'gauge', labels: {}, value }) as const;
  const text = exposition([gauge('a', 1), gauge('b', 2), gauge('a', 3)], { t: 'x' });
  assert.equal(
    text,
    '# HELP a h\n# TYPE a gauge\na{t="x"} 1\na{t="x"} 3\n# HELP b h\n# TYPE b gauge\nb{t="x"} 2\n',
  );
});
