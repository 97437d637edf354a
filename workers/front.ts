/** Entry of the front's process; forked by main, which speaks first. */
import { runFront } from '../src/front/process.js';

runFront();
