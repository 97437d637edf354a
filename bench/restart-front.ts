import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FrontInit } from '../schema/messages.js';
import { frontChild } from '../src/app/children.js';
import type { Bench } from './harness/bench.js';
import { freePort, untilAnswers } from './shared/poll.js';
import { type Start, startsSide } from './shared/starts.js';

const WITHIN_MS = 20_000;

export const bench: Bench = {
  name: 'restart-front',
  title: 'The front killed (SIGKILL) → serving again',
  group: 'restart',
  unit: 'restart',
  compare: 'time',
  peer: 'a process with the same imports that listens',
  ours: async (context) => startsSide(context, killedFront),
  bare: async (context) => startsSide(context, bareFront),
};

async function killedFront(): Promise<Start> {
  const port = await freePort();
  const init: FrontInit = {
    version: '0.0.0',
    node: 'bench',
    customerId: 'axe',
    deployColor: null,
    host: '127.0.0.1',
    port,
    sharePort: false,
    allowedHosts: [],
    anonymousRead: true,
    checkIntervalS: 30,
    jwtSecret: 'of the benchmark only, but long enough',
    log: { level: 'error', format: 'json' },
  };
  let pid = 0;
  const onRunning = (front: { pid: number }): void => {
    pid = front.pid;
  };
  const front = frontChild(
    { init: () => init, onSays: () => undefined, onRunning, onDropped: () => undefined },
    { onEvent: () => undefined },
  );
  await front.start();
  await untilAnswers(port, '/health', WITHIN_MS);
  return {
    run: async () => {
      process.kill(pid, 'SIGKILL');
      await front.child?.exited;
      await untilAnswers(port, '/health', WITHIN_MS);
    },
    count: async (meter) => {
      while (front.status !== 'running') await sleep(1);
      meter.add('front', pid);
    },
    close: () => front.stop(),
  };
}

async function bareFront(): Promise<Start> {
  const port = await freePort();
  let child: ChildProcess | null = null;
  return {
    run: async () => {
      child = fork(fileURLToPath(new URL('./peers/bare-front.js', import.meta.url)), [String(port)]);
      await untilAnswers(port, '/health', WITHIN_MS);
    },
    count: (meter) => meter.add('node', child?.pid ?? 0),
    close: async () => {
      if (child === null || child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}
