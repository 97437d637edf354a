/** The run itself, inside the network namespace of the machine whose uplink is cut. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { check } from './check/check.js';
import { FAULTS } from './faults/all.js';
import type { Fault } from './faults/fault.js';
import type { CutRequest } from './main.js';
import { readOptions } from './options.js';
import { type Line, Place } from './place/place.js';
import { Random } from './random.js';
import { type FaultRecord, isClean, jsonOf, textOf } from './report.js';
import { Watch } from './watch.js';

/** Everything works for this long before the first fault, and after the last, in ms. */
const CALM_MS = 8_000;
/** Between two faults, in seconds. */
const BETWEEN_S = [3, 6] as const;
/** The longest that one fault takes with its healing, on a slow machine, in ms. */
const ONE_FAULT_MS = 120_000;

const [lineText = '', ...argv] = process.argv.slice(2);
const options = readOptions(argv);

async function askOutside(request: CutRequest): Promise<void> {
  const done = once(process, 'message');
  process.send?.(request);
  await done;
}

const line: Line = {
  ...(JSON.parse(lineText) as Omit<Line, 'cut' | 'restore'>),
  cut: (part) => askOutside({ verb: 'cut', part }),
  restore: (part) => askOutside({ verb: 'restore', part }),
};

const begun = performance.now();
const say = (text: string): void => {
  const seconds = Math.round((performance.now() - begun) / 1000);
  console.error(`[${String(seconds).padStart(5)} s] ${text}`);
};

/** Every possible fault once in random order, then again, until the time is over. */
async function breakThings(place: Place, watch: Watch): Promise<FaultRecord[]> {
  const random = new Random(options.seed);
  const hold = (fromS: number, toS: number): Promise<void> => sleep(random.between(fromS, toS) * 1000);
  const possible = FAULTS.filter(
    ({ name, possible: can }) =>
      (options.only.length === 0 || options.only.includes(name)) && (can?.(place) ?? true),
  );
  const end = performance.now() + options.seconds * 1000;
  const records: FaultRecord[] = [];
  let queue: Fault[] = [];
  while (possible.length > 0 && !stopping) {
    const over = options.once ? records.length === possible.length : performance.now() >= end;
    if (over) break;
    if (queue.length === 0) queue = random.shuffle(possible);
    const fault = queue.shift();
    if (fault === undefined) break;
    const from = Date.now();
    const late = setTimeout(() => say(`${fault.name} takes very long`), ONE_FAULT_MS);
    const note = await fault.run(place, { random, hold });
    clearTimeout(late);
    records.push({ name: fault.name, from, to: Date.now() });
    say(`${fault.name}: ${fault.about}${note === undefined ? '' : ` (${note})`}`);
    await watch.look();
    await hold(...BETWEEN_S);
  }
  return records;
}

async function run(): Promise<number> {
  const watch = new Watch();
  const spanMs = options.once ? FAULTS.length * ONE_FAULT_MS : CALM_MS + options.seconds * 1000;
  const place = await Place.build({
    ...options,
    spanMs,
    line,
    onLine: (text, from) => watch.line(text, from),
  });
  try {
    watch.place = place;
    for (const instance of place.instances) await instance.start();
    for (const fixture of place.fixtures) fixture.begin();
    say(`${options.targets} targets at 1 s, ${place.instances.length} Matrix, seed ${options.seed}`);
    watch.start();
    await sleep(CALM_MS);
    const faults = await breakThings(place, watch);
    say('nothing is broken any more; waiting until all is well and stored');
    for (const fixture of place.fixtures) fixture.calm();
    await sleep(CALM_MS);
    const endAt = Date.now();
    await place.drained();
    await watch.stop();
    const findings = await check(place, endAt);
    const report = {
      options,
      faults,
      findings,
      watched: watch.summary(),
      wrongEnd: await watch.wrongEnd(place),
    };
    console.log(textOf(report));
    if (options.json === '-') console.log(jsonOf(report));
    else if (options.json !== null) writeFileSync(options.json, `${jsonOf(report)}\n`);
    return isClean(report) ? 0 : 1;
  } finally {
    await place.close();
  }
}

let stopping = false;
process.once('SIGTERM', () => {
  stopping = true;
  say('stopping after this fault');
});
process.exit(
  await run().catch((error: unknown) => {
    console.error(error);
    return 1;
  }),
);
