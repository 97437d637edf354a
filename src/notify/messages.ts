/** What main and the notifier's thread say to each other. */
import type { DirectNotice } from './direct.js';

export interface NotifierData {
  /** Database with the queue of notices; null while there is none with an up-to-date schema. */
  readonly url: string | null;
  readonly logging: {
    readonly level: 'debug' | 'info' | 'warn' | 'error';
    readonly format: 'json' | 'pretty';
    readonly base: Readonly<Record<string, string | null>>;
  };
}

/** Main → notifier. */
export type ToNotifier =
  | ({ readonly kind: 'direct' } & DirectNotice)
  /** The schema is up to date, or the database is somewhere else now. */
  | { readonly kind: 'database'; readonly url: string };

/** Notifier → main. */
export type FromNotifier = { readonly kind: 'delivered'; readonly id: string };
