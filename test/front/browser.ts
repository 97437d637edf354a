/** A real Chromium, spoken to over its DevTools protocol: for what a person sees. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

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
  // Over a pipe, so that the browser ends with the test even when that is killed.
  '--remote-debugging-pipe',
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
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: profile },
  });
  const complaints: string[] = [];
  const talk = speak(browser.stdio[3] as Writable, browser.stdio[4] as Readable, (event) => {
    if (event.method === 'Log.entryAdded' && event.params.entry?.level === 'error') {
      complaints.push(event.params.entry.text);
    } else if (event.method === 'Runtime.exceptionThrown') complaints.push(JSON.stringify(event.params));
  });
  const { targetInfos } = await talk('Target.getTargets');
  const page = (targetInfos as { type: string; targetId: string }[]).find(({ type }) => type === 'page');
  const attached = await talk('Target.attachToTarget', { targetId: page?.targetId, flatten: true });
  const send = (method: string, params: object = {}) => talk(method, params, String(attached['sessionId']));
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
      await talk('Browser.close');
      await exited;
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

interface Incoming {
  readonly id?: number;
  readonly method?: string;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
  readonly params: { readonly entry?: { readonly level: string; readonly text: string } };
}

type Talk = (method: string, params?: object, sessionId?: string) => Promise<Record<string, unknown>>;

/** Requests and events over the pipe: JSON texts that end with a NUL. */
function speak(to: Writable, from: Readable, onEvent: (event: Incoming) => void): Talk {
  const waiting = new Map<number, (answer: Incoming) => void>();
  let rest = '';
  from.setEncoding('utf8').on('data', (chunk: string) => {
    const texts = (rest + chunk).split('\0');
    rest = texts.pop() ?? '';
    for (const text of texts) {
      const message = JSON.parse(text) as Incoming;
      if (message.id === undefined) onEvent(message);
      else waiting.get(message.id)?.(message);
    }
  });
  // Its end is seen by whoever waits for the process.
  for (const end of [to, from]) end.on('error', () => end.destroy());
  let lastId = 0;
  return async (method, params = {}, sessionId) => {
    const id = ++lastId;
    const answer = await new Promise<Incoming>((resolve) => {
      waiting.set(id, resolve);
      to.write(
        `${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`,
      );
    });
    waiting.delete(id);
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result ?? {};
  };
}
