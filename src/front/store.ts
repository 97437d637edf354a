/** What the front asks of the database. An interface, so that the surfaces can be tried without one. */
import type { Changes } from '../../schema/messages.js';
import type { Alert, HistoryRow, Service, UptimeRow } from '../../schema/wire.js';
import type { LoadedSnapshot } from '../snapshot/reduce.js';

export interface Acknowledgement {
  readonly alert: Alert;
  /** It was acknowledged before, so nothing changed. */
  readonly already: boolean;
  readonly changes: Changes | null;
}

/** A target as it is registered: checked, and with the interval that follows from it. */
export interface NewService {
  readonly name: string;
  readonly family: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly intervalMs: number;
}

/** Every call may throw MatrixError MX_DATABASE_DOWN. */
export interface Store {
  loadSnapshot(): Promise<LoadedSnapshot>;
  /** One change that covers everything after `rev`. */
  changesSince(rev: number): Promise<Changes>;
  /**
   * Newest first; null when there is no such service. `not_observed_s`: seconds for which checks were due since the
   * newest and none has told, null when that is not known.
   */
  serviceHistory(of: { service: string; hours: number; limit: number }): Promise<{
    readonly history: readonly HistoryRow[];
    readonly not_observed_s: number | null;
  } | null>;
  /** Newest first. */
  listAlerts(which: { includeAcked: boolean; limit: number }): Promise<readonly Alert[]>;
  uptimeReport(over: { days: number }): Promise<readonly UptimeRow[]>;
  listServices(): Promise<readonly Service[]>;
  /** null when there is no such alert. */
  acknowledgeAlert(by: { alertId: string; ackedBy: string }): Promise<Acknowledgement | null>;
  /** @throws MatrixError MX_CONFLICT when the name is taken. */
  registerService(service: NewService): Promise<Service>;
  /** null when there is no such service. @throws MatrixError MX_CONFLICT when it comes from the config file. */
  removeService(which: { name: string }): Promise<Changes | null>;
}
