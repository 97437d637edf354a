import type { Place } from '../place/place.js';
import type { Random } from '../random.js';

export interface Tools {
  readonly random: Random;
  /** Waits for some time between these, in seconds, as the seed says. */
  hold(fromS: number, toS: number): Promise<void>;
}

/** One way to break something. It heals what it broke before it resolves. */
export interface Fault {
  readonly name: string;
  /** One line for people: what is broken. */
  readonly about: string;
  /** Breaks and heals; what it answers is added to the line of the log. */
  run(place: Place, tools: Tools): Promise<string | undefined>;
  /** Whether it can be done here; needs two instances, say. */
  readonly possible?: (place: Place) => boolean;
}
