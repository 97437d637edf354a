/** A bare process with the imports of the front, which listens and answers. */
import type * as Uws from 'uWebSockets.js';
import { loadUws } from '../../src/front/uws.js';
import '../../src/front/process.js';

const uws = (await loadUws()) as unknown as typeof Uws;
uws
  .App()
  .get('/*', (res) => void res.end('well'))
  .listen('127.0.0.1', Number(process.argv[2]), () => undefined);
process.on('disconnect', () => process.exit(0));
