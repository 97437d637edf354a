/**
 * `npm run demo`: Matrix alive with nothing outside this machine. Starts targets of every character on loopback and
 * runs Matrix on them, in a temporary directory; Ctrl-C ends everything and leaves nothing behind.
 *
 *     npm run demo                    until Ctrl-C
 *     npm run demo -- --seconds 30    ends by itself, so long after the board first answered
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/contract/errors.js';
import { mintToken } from '../../src/front/auth.js';
import { run } from '../../src/main.js';
import { demoConfig } from './config.js';
import { freePort, makeCertificate, makePlace, removePlace } from './place.js';
import type { TargetPorts, TargetsInit } from './targets.js';

const DEFAULT_PORT = 3910;
const TOKEN_S = 86_400;
const POLL_MS = 250;

/** Undefined: until a signal comes. */
function secondsOf(args: readonly string[]): number | undefined {
  const { values } = parseArgs({ args: [...args], options: { seconds: { type: 'string' } } });
  if (values.seconds === undefined) return undefined;
  const seconds = Number(values.seconds);
  if (!(seconds > 0 && seconds <= 86_400)) throw new Error('--seconds takes a number from 1 to 86400');
  return seconds;
}

async function startTargets(child: ChildProcess, directory: string): Promise<TargetPorts> {
  const [selfSigned, expiring] = await Promise.all([
    makeCertificate(directory, 'self-signed', 365),
    makeCertificate(directory, 'expiring', 5),
  ]);
  child.send({ selfSigned, expiring } satisfies TargetsInit);
  const ended = once(child, 'exit').then(() => {
    throw new Error('the targets ended before they listened');
  });
  const [ports] = await Promise.race([once(child, 'message'), ended]);
  return ports as TargetPorts;
}

/** The demo must not write into a database that this shell happens to name. */
function cleanEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MATRIX_')));
}

/** Resolves once the board answers; false when `signal` aborts before. */
async function answers(origin: string, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    const response = await fetch(`${origin}/matrix/api/status`, { signal }).catch(() => undefined);
    if (response?.ok === true) return true;
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

async function greet(origin: string, directory: string): Promise<void> {
  const secret = (await readFile(join(directory, 'data', 'jwt-secret'), 'utf8')).trim();
  const token = await mintToken({ role: 'admin', subject: 'demo', ttlS: TOKEN_S, secret });
  console.log(`
  Board    ${origin}/matrix
  Token    ${token}
           (admin, for a day; for \`Authorization: Bearer …\` and the MCP server at ${origin}/matrix/mcp)

  What to look at
    flaky         changes every 20 s: watch it turn red and come back, and the alert it leaves
    down          refuses connections; self-signed: a certificate that nobody vouches for
    expiring      works, but its certificate ends soon: a warning
    disk          a warning, because its threshold is set that low
    slow, moved   pass: an answer after 1.5 s, and one behind a redirect
    alive-only    passes although it answers 500: it only has to be alive
  Then try
    curl -s ${origin}/matrix/api/alerts
    kill -9 $(pgrep -P ${process.pid} -f front.js)    the web server dies; the board is back within a second

  Ctrl-C ends the demo and removes ${directory}
`);
}

async function demo(seconds: number | undefined): Promise<number> {
  const directory = await makePlace();
  const targets = fork(new URL('./targets.js', import.meta.url));
  const over = new AbortController();
  try {
    const ports = await startTargets(targets, directory);
    const port = await freePort([DEFAULT_PORT]);
    const file = join(directory, 'matrix.toml');
    await writeFile(file, demoConfig({ ports, port, directory }));
    const origin = `http://127.0.0.1:${port}`;
    const greeted = answers(origin, over.signal).then(async (isUp) => {
      if (!isUp) return;
      await greet(origin, directory);
      if (askedToEnd) end();
      else if (seconds !== undefined) setTimeout(end, seconds * 1000).unref();
    });
    const code = await run({ argv: ['--config', file], env: cleanEnv(), cwd: directory });
    over.abort();
    await greeted;
    return code;
  } finally {
    over.abort();
    if (targets.connected) targets.disconnect();
    await removePlace(directory);
  }
}

/** As if somebody had asked for it: Matrix drains and `run` resolves. */
function end(): void {
  process.kill(process.pid, 'SIGTERM');
}

let askedToEnd = false;
// Before Matrix listens for signals nobody does; dying of one would leave the directory behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    askedToEnd = true;
  });
}
// A terminal that is closed ends the demo; Matrix alone would take the signal as a wish to read its config again.
process.on('SIGHUP', end);

try {
  process.exitCode = await demo(secondsOf(process.argv.slice(2)));
} catch (error) {
  console.error(`demo: ${messageOf(error)}`);
  process.exitCode = 1;
}
