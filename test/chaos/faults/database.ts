/** What can happen to a database. */
import { fill } from '../place/database.js';
import type { Fault } from './fault.js';

export const databaseFaults: readonly Fault[] = [
  {
    name: 'db_freeze',
    about: 'every process of PostgreSQL is frozen (SIGSTOP)',
    run: async ({ database }, { hold }) => {
      const thaw = database.freeze('all');
      await hold(8, 15);
      thaw();
      return undefined;
    },
  },
  {
    name: 'db_freeze_postmaster',
    about: 'PostgreSQL takes no new connections (its postmaster is frozen)',
    run: async ({ database }, { hold }) => {
      const thaw = database.freeze('postmaster');
      await hold(5, 10);
      thaw();
      return undefined;
    },
  },
  {
    name: 'db_kill',
    about: 'PostgreSQL is killed (SIGKILL) and started again',
    run: async ({ database }, { hold }) => {
      await database.kill();
      await hold(4, 10);
      await database.start();
      return undefined;
    },
  },
  {
    name: 'db_restart',
    about: 'PostgreSQL is restarted as an administrator does it',
    run: async ({ database }) => {
      await database.restart();
      return undefined;
    },
  },
  {
    name: 'db_connection_cap',
    about: 'PostgreSQL has no connection left for Matrix',
    run: async ({ database }, { hold }) => {
      await database.refuseConnections();
      await hold(6, 12);
      await database.allowConnections();
      return undefined;
    },
  },
  {
    name: 'db_read_only',
    about: 'the database is read-only',
    run: async ({ database }, { hold }) => {
      await database.setReadOnly(true);
      await hold(6, 12);
      await database.setReadOnly(false);
      return undefined;
    },
  },
  {
    name: 'db_disk_full',
    about: "the database's disk is full",
    run: async ({ database }, { hold }) => {
      const free = database.fillDisk();
      await hold(8, 12);
      await free();
      return undefined;
    },
  },
  {
    name: 'spool_disk_full',
    about: 'the database is frozen and the disk of the spool is full',
    run: async (place, { hold }) => {
      const free = place.spools.map((spool) => fill(spool.path));
      const thaw = place.database.freeze('all');
      await hold(10, 15);
      for (const giveBack of free) giveBack();
      await hold(2, 3);
      thaw();
      return undefined;
    },
  },
  {
    name: 'kill_9_in_outage',
    about: 'Matrix is killed and started again while the database is frozen',
    // With a standby nobody may collect until the database says who, so nothing is in danger.
    possible: ({ instances }) => instances.length === 1,
    run: async (place, { hold }) => {
      const thaw = place.database.freeze('all');
      await hold(5, 8);
      const instance = await place.active();
      await place.kill(instance);
      await instance.start();
      await hold(4, 8);
      thaw();
      return undefined;
    },
  },
];
