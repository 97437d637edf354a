/** `Store` on PostgreSQL: the reads and commands of the store, with an outage told as one. */
import type pg from 'pg';
import { serviceHistory, uptimeReport } from '../store/history.js';
import * as reads from '../store/reads.js';
import * as commands from '../writer/commands.js';
import { asOutage } from './database.js';
import type { Store } from './store.js';

export interface PgStoreOptions {
  /** Answers the pool to use now. */
  pool(): pg.Pool;
  readonly node: string;
  readonly customerId: string;
}

export function pgStore({ pool, node, customerId }: PgStoreOptions): Store {
  const on = async <T>(work: (pool: pg.Pool) => Promise<T>): Promise<T> => {
    try {
      return await work(pool());
    } catch (error) {
      throw asOutage(error);
    }
  };
  return {
    loadSnapshot: () => on((db) => reads.loadSnapshot(db)),
    changesSince: (rev) => on((db) => reads.changesSince(db, rev)),
    serviceHistory: (of) => on((db) => serviceHistory(db, of)),
    listAlerts: (which) => on((db) => reads.listAlerts(db, which)),
    uptimeReport: (over) => on((db) => uptimeReport(db, over)),
    listServices: () => on((db) => reads.listServices(db)),
    acknowledgeAlert: (by) => on((db) => commands.acknowledgeAlert(db, { ...by, node })),
    registerService: (service) => on((db) => commands.registerService(db, { ...service, customerId, node })),
    removeService: (which) => on((db) => commands.removeService(db, { ...which, node })),
  };
}
