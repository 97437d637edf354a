import { liveBench } from './shared/live.js';

export const bench = liveBench(1000);
