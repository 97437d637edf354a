/** Between uWebSockets.js and the web-standard Request and Response that the MCP SDK speaks. */
import type { Exchange } from '../http/exchange.js';

/** Headers of the SDK's answer that are written here or by the server itself. */
const OWN_HEADERS = new Set(['content-length', 'transfer-encoding', 'connection', 'date']);
const ANY = 'application/json, text/event-stream';

/** Makes the Request; null: its body is handed over parsed, beside it. */
export type MakeRequest = (body: Buffer | null) => Request;

/**
 * Captures what a Request needs while uWebSockets.js's own is readable.
 * @returns what makes the Request once the body is there; its signal aborts when the client goes away.
 */
export function webRequest(exchange: Exchange): MakeRequest {
  const { headers, method, path, query, host, signal } = exchange;
  const url = `http://${host === '' ? 'localhost' : host}${path}${query === '' ? '' : `?${query}`}`;
  const accept = headers.get('accept');
  // A plain HTTP client takes anything; the protocol's own clients name both types.
  if (accept === null || accept.trim() === '*/*') headers.set('accept', ANY);
  return (body) =>
    new Request(url, { method, headers, signal, ...(body === null ? {} : { body: new Uint8Array(body) }) });
}

/** Sends a Response, whole or as a stream, at the pace of the client. */
export async function answerWith(exchange: Exchange, response: Response): Promise<void> {
  const headers: Record<string, string> = { 'cache-control': 'no-store' };
  response.headers.forEach((value, name) => {
    if (!OWN_HEADERS.has(name)) headers[name] = value;
  });
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (!isStream || response.body === null) {
    const body = new Uint8Array(await response.arrayBuffer());
    exchange.send({ status: response.status, headers, body });
    return;
  }
  const reader = response.body.getReader();
  const stop = () => void reader.cancel().catch(() => undefined);
  exchange.signal.addEventListener('abort', stop, { once: true });
  const write = exchange.stream({ status: response.status, headers });
  for (let read = await reader.read(); !read.done && !exchange.over; read = await reader.read()) {
    await write(read.value);
  }
  await write(null);
}
