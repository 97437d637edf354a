/** The board's files, read once at start and served from memory. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../config/paths.js';
import type { Exchange } from './http/exchange.js';
import type { Reply } from './http/reply.js';
import type { Router } from './http/router.js';

const BOARD_DIR = join(PACKAGE_ROOT, 'src', 'board');
/** The reducer that the page shares with the server and the tests, compiled; it imports nothing. */
const CLIENT_FILE = new URL('../snapshot/client.js', import.meta.url);

/** Nothing but the page's own files; no inline script or style; not to be framed. */
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE_HEADERS = {
  'content-security-policy': CSP,
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';
const FILES = [
  ['/matrix', 'board.html', 'text/html; charset=utf-8'],
  ['/matrix/base.css', 'base.css', STYLE],
  ['/matrix/board.css', 'board.css', STYLE],
  ['/matrix/services.css', 'services.css', STYLE],
  ['/matrix/board.js', 'board.js', SCRIPT],
  ['/matrix/view.js', 'view.js', SCRIPT],
  ['/matrix/icon.svg', 'icon.svg', 'image/svg+xml'],
] as const;

/**
 * Adds the routes of the page. Redirects are relative, so the board also works below another base path.
 * @throws when a file of the page is missing from the package.
 */
export async function addPageRoutes(router: Router): Promise<void> {
  const serve = async (path: string, file: string | URL, type: string) => {
    const body = await readFile(file);
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    const headers = { ...PAGE_HEADERS, 'content-type': type, etag };
    const whole: Reply = { status: 200, headers, body };
    const unchanged: Reply = { status: 304, headers: { etag }, body };
    router.add('GET', path, (exchange) => exchange.send(exchange.ifNoneMatch === etag ? unchanged : whole));
  };
  await Promise.all([
    ...FILES.map(([path, file, type]) => serve(path, join(BOARD_DIR, file), type)),
    serve('/matrix/client.js', CLIENT_FILE, SCRIPT),
  ]);
  const redirect = (location: string) => (exchange: Exchange) =>
    exchange.send({ status: 308, headers: { location, 'cache-control': 'no-cache' } });
  router.add('GET', '/', redirect('matrix'));
  router.add('GET', '/matrix/', redirect('../matrix'));
}
