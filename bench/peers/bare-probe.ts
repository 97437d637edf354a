/** A bare worker thread with the imports of a probe thread: no pool, no supervisor. */
import { parentPort } from 'node:worker_threads';
import type { ProbeTask } from '../../src/supervisor/probe-host.js';

const { default: run } = await import('../../workers/probe.js');
parentPort?.on('message', (task: ProbeTask) => void run(task));
parentPort?.postMessage({ kind: 'ready' });
