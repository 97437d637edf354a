/** The network and the clock. */
import type { Part } from '../../support/netns.js';
import type { Place } from '../place/place.js';
import type { Fault, Tools } from './fault.js';

const HOUR_MS = 3_600_000;

async function cut(place: Place, part: Part, { hold }: Tools): Promise<undefined> {
  await place.options.line.cut(part);
  await hold(10, 16);
  await place.options.line.restore(part);
  // A path that was away for a while is found again by ARP and TCP in their own time.
  await hold(3, 5);
  return undefined;
}

async function step(place: Place, offsetMs: number, { hold }: Tools): Promise<undefined> {
  place.clock.set(offsetMs);
  await hold(8, 12);
  place.clock.set(0);
  await hold(4, 6);
  return undefined;
}

export const surroundingFaults: readonly Fault[] = [
  {
    name: 'net_internet',
    about: "the provider's line is cut (network namespaces)",
    run: (place, tools) => cut(place, 'internet', tools),
  },
  {
    name: 'net_link',
    about: "this machine's own link is down",
    run: (place, tools) => cut(place, 'link', tools),
  },
  {
    name: 'clock_forward',
    about: 'the wall clock steps an hour forward, and back again',
    run: (place, tools) => step(place, HOUR_MS, tools),
  },
  {
    name: 'clock_back',
    about: 'the wall clock steps an hour back, and forward again',
    run: (place, tools) => step(place, -HOUR_MS, tools),
  },
];
