/**
 * Runs the probe once in the namespace of this process and prints what it found, and how many children it left:
 * `node run-probe.js <target as JSON> <deadline in ms> [<called off after ms>]`.
 */
import { readFileSync } from 'node:fs';
import { systemClock } from '../../../src/contract/clock.js';
import { probe } from '../../../workers/wan/probe.js';
import type { WanTarget } from '../../../workers/wan/spec.js';

const [target = '', deadlineMs = '', calledOffAfterMs] = process.argv.slice(2);
const ignore = () => {};
const callOff = new AbortController();
if (calledOffAfterMs !== undefined) setTimeout(() => callOff.abort(), Number(calledOffAfterMs));

const startedAt = performance.now();
const findings = await probe(JSON.parse(target) as WanTarget, {
  signal: callOff.signal,
  deadlineMs: Number(deadlineMs),
  clock: systemClock,
  log: { debug: ignore, info: ignore, warn: ignore },
});
const tookMs = performance.now() - startedAt;
const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim();
// A lookup that nobody answers would keep the process for as long as the system's resolver tries.
process.stdout.write(JSON.stringify({ findings, tookMs, children }), () => process.exit(0));
