/** Threads that crash, spin for ever, stand still for a while, or eat memory. */
import type { Place } from '../place/place.js';
import type { Fault, Tools } from './fault.js';

/** How each thread is recognised: a part of the data that it was started with. */
const THREADS = {
  'probe:http': '"family":"http"',
  writer: '"sqlDirectory"',
  keeper: '"keepDays"',
} as const;

/** Begun a little later, so that the inspector has left the thread by then. */
const soon = (code: string): string => `void setTimeout(() => { ${code} }, 100)`;

const CRASH = soon(`throw new Error('chaos')`);
const SPIN = soon('for (;;);');
const PAUSE = soon('const end = performance.now() + 3000; while (performance.now() < end);');
const LEAK = soon('const kept = []; for (;;) kept.push(new Array(1e5).fill({}).map(() => ({})));');

async function inject(
  place: Place,
  { random, hold }: Tools,
  code: string,
  holdS: readonly [number, number],
): Promise<string> {
  const instance = await place.active();
  const thread = random.pick(Object.keys(THREADS) as (keyof typeof THREADS)[]);
  const found = await instance.inject(THREADS[thread], code);
  if (!found) throw new Error(`${instance.name} has no thread ${thread}`);
  await hold(...holdS);
  return `${thread} of ${instance.name}`;
}

export const threadFaults: readonly Fault[] = [
  {
    name: 'thread_crash',
    about: 'a thread throws',
    run: (place, tools) => inject(place, tools, CRASH, [2, 3]),
  },
  {
    name: 'thread_spin',
    about: 'a thread spins for ever',
    run: (place, tools) => inject(place, tools, SPIN, [12, 16]),
  },
  {
    name: 'thread_pause',
    about: 'a thread stands still for 3 s and goes on',
    run: (place, tools) => inject(place, tools, PAUSE, [4, 5]),
  },
  {
    name: 'thread_leak',
    about: 'a thread eats memory until its limit',
    run: (place, tools) => inject(place, tools, LEAK, [8, 12]),
  },
  {
    name: 'main_pause',
    about: 'the main thread stands still for 3 s and goes on',
    run: async (place, { hold }) => {
      const instance = await place.active();
      await instance.inject(null, PAUSE);
      await hold(4, 5);
      return instance.name;
    },
  },
];
