/** A real Chromium, spoken to over its DevTools protocol: for what a person sees. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';

const BINARIES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--remote-debugging-port=0',
];

export interface Page {
  /** Everything that the browser complained about: errors, refused scripts and styles. */
  readonly complaints: string[];
  open(url: string): Promise<void>;
  /** The value of an expression in the page. */
  evaluate<T>(expression: string): Promise<T>;
  resize(width: number, height: number): Promise<void>;
  dark(): Promise<void>;
  /** Saves what is seen as a PNG. */
  screenshot(file: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts a browser of its own with one empty page. */
export async function openBrowser(): Promise<Page> {
  const binary = BINARIES.find((path) => existsSync(path));
  if (binary === undefined) throw new Error('no Chromium is installed; run ops/test-deps.sh');
  const profile = mkdtempSync(join(tmpdir(), 'mx-browser-'));
  const browser = spawn(binary, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const socket = new WebSocket(await pageEndpoint(browser));
  await once(socket, 'open');
  const waiting = new Map<number, (answer: { result?: unknown; error?: { message: string } }) => void>();
  const complaints: string[] = [];
  socket.on('message', (data) => {
    const message = JSON.parse(String(data));
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    else if (message.method === 'Log.entryAdded' && message.params.entry.level === 'error') {
      complaints.push(message.params.entry.text);
    } else if (message.method === 'Runtime.exceptionThrown') {
      complaints.push(JSON.stringify(message.params.exceptionDetails));
    }
  });
  let lastId = 0;
  const send = async (method: string, params: object = {}): Promise<Record<string, unknown>> => {
    const id = ++lastId;
    const answer = await new Promise<{ result?: unknown; error?: { message: string } }>((resolve) => {
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params }));
    });
    waiting.delete(id);
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result as Record<string, unknown>;
  };
  for (const domain of ['Page', 'Log', 'Runtime']) await send(`${domain}.enable`);
  return {
    complaints,
    open: async (url) => void (await send('Page.navigate', { url })),
    async evaluate<T>(expression: string) {
      const { result } = await send('Runtime.evaluate', { expression, returnByValue: true });
      return (result as { value: T }).value;
    },
    async resize(width, height) {
      await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: true });
    },
    async dark() {
      const features = [{ name: 'prefers-color-scheme', value: 'dark' }];
      await send('Emulation.setEmulatedMedia', { features });
    },
    async screenshot(file) {
      const { data } = await send('Page.captureScreenshot', { format: 'png' });
      writeFileSync(file, Buffer.from(String(data), 'base64'));
    },
    async close() {
      const exited = once(browser, 'exit');
      // Asked to close, it ends its own processes too, which would otherwise go on writing into the profile.
      await send('Browser.close');
      await exited;
      socket.terminate();
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

/** Chromium says on standard error where it listens. */
async function pageEndpoint(browser: ChildProcess): Promise<string> {
  let said = '';
  for await (const chunk of browser.stderr ?? []) {
    said += String(chunk);
    const port = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(said)?.[1];
    if (port === undefined) continue;
    for (let tries = 0; tries < 200; tries += 1) {
      const list = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
        type: string;
        webSocketDebuggerUrl: string;
      }[];
      const page = list.find((target) => target.type === 'page');
      if (page !== undefined) return page.webSocketDebuggerUrl;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    break;
  }
  throw new Error(`Chromium did not start: ${said}`);
}
