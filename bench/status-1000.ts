import { statusBench } from './shared/status.js';

export const bench = statusBench(1000, 1);
