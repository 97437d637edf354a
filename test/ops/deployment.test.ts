/**
 * If this fails, an update loses requests, checks twice, or leaves nobody checking. The real thing: an engine of the
 * test's own with the containers of compose.yaml, in a network namespace of its own (see deployment.inside.ts).
 */
import { test } from 'node:test';
import { runInOwnNetwork } from '../support/own-network.js';

test('blue and green on one database behind the selector', (t) =>
  runInOwnNetwork(t, new URL('./deployment.inside.js', import.meta.url)));
