/** Whole processes that die or freeze: the front, and Matrix itself. */

import { until } from '../../support/wait.js';
import { childrenOf, isAlive } from '../place/database.js';
import type { Instance } from '../place/instance.js';
import type { Fault } from './fault.js';

/** The front is the only process that a Matrix on a database of the user's own has. */
function frontOf(instance: Instance): number {
  const [pid] = childrenOf(instance.pid);
  if (pid === undefined) throw new Error(`${instance.name} has no front`);
  return pid;
}

async function replaced(instance: Instance, old: number): Promise<string> {
  const begun = performance.now();
  await until(
    'the front is replaced',
    async () => {
      return !isAlive(old) && (await instance.get('/health'))?.status === 200;
    },
    60_000,
  );
  return `${instance.name}'s front answered again after ${Math.round(performance.now() - begun)} ms`;
}

export const processFaults: readonly Fault[] = [
  {
    name: 'front_kill',
    about: 'the front is killed (SIGKILL)',
    run: async (place) => {
      const instance = await place.active();
      const front = frontOf(instance);
      process.kill(front, 'SIGKILL');
      return replaced(instance, front);
    },
  },
  {
    name: 'front_freeze',
    about: 'the front is frozen (SIGSTOP) and left so',
    run: async (place) => {
      const instance = await place.active();
      const front = frontOf(instance);
      process.kill(front, 'SIGSTOP');
      return replaced(instance, front);
    },
  },
  {
    name: 'kill_9',
    about: 'the Matrix that collects is killed (kill -9) and started again',
    run: async (place, { hold }) => {
      const instance = await place.active();
      await place.kill(instance);
      await hold(0.5, 4);
      await instance.start();
      return instance.name;
    },
  },
  {
    name: 'kill_9_standby',
    about: 'the Matrix that stands by is killed (kill -9) and started again',
    possible: ({ instances }) => instances.length > 1,
    run: async (place, { hold }) => {
      const active = await place.active();
      const instance = place.instances.find((other) => other !== active) ?? active;
      await place.kill(instance);
      await hold(0.5, 4);
      await instance.start();
      return instance.name;
    },
  },
  {
    name: 'stop_start',
    about: 'the Matrix that collects is stopped (SIGTERM) and started again',
    run: async (place, { hold }) => {
      const instance = await place.active();
      const begun = performance.now();
      await instance.end('SIGTERM');
      const tookMs = Math.round(performance.now() - begun);
      await hold(0.5, 2);
      await instance.start();
      return `${instance.name} ended after ${tookMs} ms`;
    },
  },
];
