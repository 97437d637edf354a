/** Lost if this fails: a board that is green because nobody looks any more, and nobody knows. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startFront } from '../../src/front/server.js';
import { createLogger } from '../../src/log/logger.js';
import { startPostgres } from '../support/postgres.js';
import { until } from '../support/wait.js';
import { openBrowser, type Page } from './browser.js';
import { changes, check, cycle, type Fixture, frontInit, serve } from './support.js';

const limit = { timeout: 120_000 };
let page: Page;
let fixture: Fixture;

before(async () => {
  page = await openBrowser();
});
after(async () => {
  await page.close();
  await fixture.front.drain();
});

const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();
const text = (selector: string) =>
  page.evaluate<string>(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => e.innerText).join('|')`,
  );
const shows = (selector: string, wanted: RegExp, withinMs?: number) =>
  until(`${selector} to show ${wanted}`, async () => wanted.test(await text(selector)), withinMs);
const statusesOf = (service: string) =>
  page.evaluate<string[]>(`[...document.querySelectorAll('#services tr')].filter((row) =>
    row.querySelector('.name').innerText.startsWith(${JSON.stringify(service)}))
    .map((row) => row.querySelector('.state').dataset.status)`);

test('what nobody has looked at for long is not shown as it was', limit, async () => {
  fixture = await serve((store) => {
    store.rev = 1;
    store.checks = [
      check('fresh', { checked_at: ago(1_000) }),
      check('old', { checked_at: ago(300_000) }),
      check('was down', { status: 'fail', checked_at: ago(300_000) }),
      check('slow', { checked_at: ago(300_000), interval_s: 600 }),
      check('never', { status: 'unknown', checked_at: null, since: null }),
      check('matrix-family-http', { family: 'matrix', checked_at: ago(86_400_000) }),
    ];
    store.cycle = cycle(4711, { overall: 'fail' });
  });
  await page.open(`${fixture.base}/matrix`);
  await shows('#sentence', /^Nothing fails; 2 not observed, 1 not known of 6 services$/);
  assert.match(await text('#services tr:first-child'), /Not observed since \d\d:\d\d\s*old/);
  assert.match(
    await text('#services tr:nth-child(2)'),
    /Not observed since \d\d:\d\d\s*was down[\s\S]*was fail/,
  );
  const statuses = await Promise.all(['fresh', 'slow', 'matrix-family-http'].map(statusesOf));
  assert.deepEqual(statuses, [['pass'], ['pass'], ['pass']]);
  assert.equal(await page.evaluate('document.getElementById("overall").dataset.status'), 'unobserved');
  assert.match(await page.evaluate('document.title'), /^\? Nothing fails; 2 not observed/);
});

test(
  'it turns so by itself, and back with the next result; a clock that is set here changes nothing',
  limit,
  async () => {
    const soon = check('old', { interval_s: 1, checked_at: ago(0) });
    const back = check('was down', { checked_at: ago(0) });
    fixture.front.take({ kind: 'changes', changes: changes(2, { checks: [soon, back] }) });
    await shows('#sentence', /^Nothing fails; 1 not known of 6 services$/);
    await page.evaluate('{const real = Date.now; Date.now = () => real() + 7_200_000}');
    // After three intervals and what a check may take: seen with the next word of the server.
    await shows('#sentence', /^Nothing fails; 1 not observed, 1 not known of 6 services$/, 60_000);
    assert.deepEqual(await statusesOf('old'), ['unobserved']);
    assert.deepEqual(await statusesOf('was down'), ['pass']);
    const again = check('old', { interval_s: 30, checked_at: ago(0) });
    fixture.front.take({ kind: 'changes', changes: changes(3, { checks: [again] }) });
    await shows('#sentence', /^Nothing fails; 1 not known of 6 services$/);
  },
);

test('that results cannot be stored is said while it lasts, with the beginning', limit, async () => {
  const since = '2026-01-02T03:12:00.000Z';
  const counts = { inMemory: 0, onSpool: 7, spoolBytes: 1, spoolMaxBytes: 2, dropped: 0 };
  // As main does: one that is silent for long is an outage of another kind.
  const reporting = (queue: string | null) => {
    const report = () =>
      fixture.front.take({
        kind: 'dependencies',
        dependencies: { queue },
        results: { since: queue === null ? null : since, ...counts },
      });
    report();
    return setInterval(report, 500);
  };
  const refused = reporting('the database is read-only');
  const live = check('old', { checked_at: ago(0), stored: false });
  fixture.front.take({ kind: 'changes', changes: changes(0, { checks: [live] }) });
  await shows(
    '#outage',
    /^The database has taken no results since 2026-01-0\d \d\d:12; results are kept on disk and shown live\.$/,
  );
  assert.match(await text('#services'), /not stored yet/);
  clearInterval(refused);
  await until(
    'the silence is said',
    async () => /^Nothing has been checked since/.test(await text('#outage')),
    60_000,
  );
  const well = reporting(null);
  await until('it is over', () => page.evaluate<boolean>('document.getElementById("outage").hidden'), 60_000);
  clearInterval(well);
});

test('so is a database that is away', limit, async () => {
  const postgres = await startPostgres();
  const front = await startFront({
    init: frontInit(),
    log: createLogger({
      service: 'matrix',
      level: 'error',
      format: 'json',
      write: (bytes) => bytes.byteLength,
    }),
    checkTarget: async () => ({ intervalMs: 30_000 }),
    tell: () => undefined,
  });
  try {
    front.take({ kind: 'database', url: postgres.url });
    const ready = async () => (await fetch(`http://127.0.0.1:${front.port}/health/ready`)).status;
    await until('it is ready', async () => (await ready()) === 200);
    await page.open(`http://127.0.0.1:${front.port}/matrix`);
    await shows('#link', /Live/);
    assert.equal(await text('#outage'), '');
    await postgres.kill();
    await until('it is not ready', async () => (await ready()) === 503);
    const live = check('web', { checked_at: ago(0), stored: false });
    front.take({ kind: 'changes', changes: changes(0, { checks: [live] }) });
    await shows(
      '#outage',
      /^The database is away since \d\d:\d\d; results are kept on disk and shown live\.$/,
      60_000,
    );
  } finally {
    await front.drain();
    await postgres.close();
  }
});
