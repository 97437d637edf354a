import { databaseFaults } from './database.js';
import type { Fault } from './fault.js';
import { processFaults } from './processes.js';
import { surroundingFaults } from './surroundings.js';
import { threadFaults } from './threads.js';

export const FAULTS: readonly Fault[] = [
  ...threadFaults,
  ...processFaults,
  ...databaseFaults,
  ...surroundingFaults,
];
