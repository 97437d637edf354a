import { statusBench } from './shared/status.js';

export const bench = statusBench(20, 8);
