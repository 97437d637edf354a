/** Lost if this fails: people look at a board that is dead, wrong, or unreadable on their phone. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { until } from '../support/wait.js';
import { openBrowser, type Page } from './browser.js';
import {
  alert,
  bearer,
  changes,
  check,
  cycle,
  type Fixture,
  type MemoryStore,
  serve,
  token,
} from './support.js';

let page: Page;
before(async () => {
  page = await openBrowser();
});
after(() => page.close());

const limit = { timeout: 120_000 };
const long = 'disk /var/lib/a/mount/point/with/a/very/long/name/that/has/to/wrap/somewhere';

function fill(store: MemoryStore): void {
  store.rev = 1;
  const at = new Date().toISOString();
  store.checks = [
    check('shop', {
      status: 'fail',
      detail: 'status (500) == 2xx <img src=x onerror=alert(1)>',
      checked_at: at,
    }),
    check(long, { family: 'disk', status: 'warn', checked_at: at }),
    check('blog', { checked_at: at }),
  ];
  store.alerts = [alert('shop')];
  store.cycle = cycle(4711, { overall: 'fail' });
}

const text = (selector: string) =>
  page.evaluate<string>(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => e.innerText).join('|')`,
  );
const shows = (selector: string, wanted: RegExp) =>
  until(`${selector} to show ${wanted}`, async () => wanted.test(await text(selector)));

/** A port that was just free: a fixed one, as in operation, which is taken again after a restart. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

let first: Fixture;

test('it shows the whole state, in words and not by colour alone', limit, async () => {
  first = await serve(fill, { port: await freePort() });
  await page.open(`${first.base}/`);
  await shows('#sentence', /^1 of 3 services fails$/);
  await shows('#link', /Live/);
  assert.equal(await page.evaluate('location.pathname'), '/matrix');
  assert.match(
    await text('#services tr:first-child'),
    /✕\s*Fail[\s\S]*shop[\s\S]*status \(500\) == 2xx <img/,
  );
  assert.match(await text('#alerts'), /✕\s*error[\s\S]*shop is down[\s\S]*matrix ack [0-9a-f-]{36}/);
  assert.match(await text('#cycle'), /^Cycle 4711/);
  assert.equal(await page.evaluate('document.querySelectorAll("main img").length'), 0);
  assert.equal(await page.evaluate('document.title'), '✕ 1 of 3 services fails · Matrix');
});

test('changes and acknowledgements show without a reload', limit, async () => {
  const checks = [check('shop', { detail: 'status (200) == 2xx', checked_at: new Date().toISOString() })];
  first.front.take({ kind: 'changes', changes: changes(2, { checks, removed: [long] }) });
  await shows('#sentence', /^All 2 services work$/);
  first.store.rev = 2;
  const url = `${first.base}/api/alerts/${first.store.alerts[0]?.id}/ack`;
  await fetch(url, { method: 'POST', headers: await bearer('member') });
  await until('the alerts to go', () =>
    page.evaluate<boolean>('document.getElementById("alerts-section").hidden'),
  );
});

test('the filter finds what is looked for', limit, async () => {
  const type = (value: string) =>
    page.evaluate(`{const f = document.getElementById('filter'); f.value = ${JSON.stringify(value)};
      f.dispatchEvent(new Event('input'))}`);
  await type('BLOG');
  await shows('#services-count', /^1 of 2$/);
  await type('');
  await shows('#services-count', /^2$/);
});

test('a lost connection shows at once, and the board comes back by itself', limit, async () => {
  const { port } = first.front;
  await first.front.drain();
  await shows('#lost', /connection to Matrix is lost\. What you see is [1-9]\d* s old\./);
  await shows('#link', /No connection/);
  const second = await serve(fill, { port });
  await shows('#link', /Live/);
  await shows('#sentence', /^1 of 3 services fails$/);
  assert.equal(await text('#lost'), '');
  await second.front.drain();
});

test('it fits a phone, dark or light, and the browser has nothing to complain about', limit, async () => {
  const third = await serve(fill);
  await page.resize(360, 740);
  await page.dark();
  page.complaints.length = 0;
  await page.open(`${third.base}/matrix`);
  await shows('#link', /Live/);
  await shows('#sentence', /^1 of 3/);
  const wide = `[...document.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > 361)
    .map((e) => e.tagName + '.' + e.className)`;
  assert.deepEqual(await page.evaluate(wide), []);
  assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360);
  assert.equal(await page.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(17, 22, 27)');
  assert.deepEqual(page.complaints, []);
  await third.front.drain();
});

test('it works below another base path', limit, async () => {
  const fixture = await serve(fill);
  const { port } = fixture.front;
  const strip = (url = '') => url.replace(/^\/tools\/status/, '') || '/';
  const proxy = createServer((incoming, outgoing) => {
    const { method = 'GET', headers } = incoming;
    const options = { port, path: strip(incoming.url), method, headers };
    const passed = request(options, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(passed);
  });
  proxy.on('upgrade', (incoming, socket) => {
    const upstream: Socket = connect(port, '127.0.0.1', () => {
      const headers = Object.entries(incoming.headers).map(([name, value]) => `${name}: ${value}\r\n`);
      upstream.write(`GET ${strip(incoming.url)} HTTP/1.1\r\n${headers.join('')}\r\n`);
      socket.pipe(upstream);
      upstream.pipe(socket);
    });
    for (const end of [socket, upstream]) end.on('error', () => end.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const proxied = (proxy.address() as { port: number }).port;
  await page.open(`http://127.0.0.1:${proxied}/tools/status/`);
  await shows('#link', /Live/);
  assert.equal(await page.evaluate('location.pathname'), '/tools/status/matrix');
  await page.open('about:blank');
  await fixture.front.drain();
  proxy.close();
  proxy.closeAllConnections();
});

test('where reading needs a token, it asks for one and then shows', limit, async () => {
  const closed = await serve(fill, { anonymousRead: false });
  await page.open(`${closed.base}/matrix`);
  await until('the question', () =>
    page.evaluate<boolean>('document.getElementById("sign-in")?.hidden === false'),
  );
  const value = JSON.stringify(await token('viewer'));
  await page.evaluate(`document.getElementById('token').value = ${value};
    document.getElementById('sign-in').requestSubmit()`);
  await shows('#sentence', /^1 of 3/);
  assert.equal(await page.evaluate('document.getElementById("sign-in").hidden'), true);
  await page.open('about:blank');
  await closed.front.drain();
});
